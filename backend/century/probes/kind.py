"""What a kind of probe is made of: its name, the fields it asks for, and what is wrong with what was entered."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl

SHORTEST_PART, SHORTEST_WORD = 4, 8
"""Shorter parts of a secret are words that stand everywhere."""


class ProbeKind(StrEnum):
    """What a probe asks; one file each in `kinds`."""

    HTTP = "http"
    EXTERNAL_API = "external_api"
    POSTGRES = "postgres"
    REDIS = "redis"
    TLS = "tls"
    TCP = "tcp"
    DNS = "dns"
    HOST = "host"
    PROMETHEUS = "prometheus"
    BACKUP = "backup"


class FieldType(StrEnum):
    """How a field is entered. LINES: one entry a line; a FLAG is "true" or "false"; a DURATION is ISO 8601."""

    TEXT = "text"
    SECRET = "secret"
    NUMBER = "number"
    DURATION = "duration"
    CHOICE = "choice"
    FLAG = "flag"
    LINES = "lines"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a kind's form. A secret's value is sealed, and never read back; `lines`: a secret of several lines."""

    name: str
    label: str
    help: str
    type: FieldType = FieldType.TEXT
    required: bool = False
    placeholder: str = ""
    default: str | None = None
    options: tuple[str, ...] = ()
    advanced: bool = False
    lines: bool = False

    @property
    def secret(self) -> bool:
        """Whether its value is sealed."""
        return self.type is FieldType.SECRET

    @property
    def has_lines(self) -> bool:
        """Whether its value may have several lines."""
        return self.lines or self.type is FieldType.LINES


@dataclass(frozen=True, slots=True)
class FactName:
    """A fact that a kind tells: `monotonic` only rises until its target restarts."""

    name: str
    label: str
    unit: str
    monotonic: bool = False


@dataclass(frozen=True, slots=True)
class Config:
    """A probe's settings as text, secrets among them."""

    values: Mapping[str, str] = field(repr=False)
    secret_names: frozenset[str] = frozenset()

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    def flag(self, name: str) -> bool:
        """Whether a FLAG is set."""
        return self[name] == "true"

    def number(self, name: str) -> float | None:
        """The value of a NUMBER; None where there is none, or it is none."""
        try:
            return float(self[name])
        except ValueError:
            return None

    def lines(self, name: str) -> list[str]:
        """The entries of LINES, without empty ones."""
        return [line for each in self[name].splitlines() if (line := each.strip())]

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that nobody may read, whole and line by line, the longest first."""
        known = {
            part
            for name in self.secret_names
            if (value := self[name])
            for part in (
                value, *self.lines(name), *(part for line in self.lines(name) for part in _of_header(line)), *_of_body(value),
            )
            if part == value or len(part) >= SHORTEST_PART
        }  # fmt: skip
        return tuple(sorted(known, key=len, reverse=True))


def _of_header(line: str) -> list[str]:
    """What tells a secret of a header: its value, and what follows a scheme like Bearer or the name of a cookie."""
    value = line.partition(":")[2].strip()
    words = (word.partition("=")[2] if "=" in word.rstrip("=") else word for word in value.replace(";", " ").split())
    return [value, *(each for each in words if len(each) >= SHORTEST_WORD)]


def _of_body(text: str) -> Iterator[str]:
    """What tells a secret of a body that is JSON or a form: the values in it."""
    try:
        values = _texts_in(json.loads(text)) if text[:1] in ("{", "[") else (each for _, each in parse_qsl(text))
        yield from (each for each in values if len(each) >= SHORTEST_WORD)
    except (ValueError, RecursionError):
        return


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts_in(each)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a field, and what would be right; what is not refused is only warned of."""

    field: str
    message: str
    refused: bool = True
