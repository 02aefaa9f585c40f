"""What an HTTP answer must say besides its status: one condition a line, read once and judged at every check.

body contains TEXT · body lacks TEXT · body matches RE2
json PATH == VALUE (also != < <= > >=, exists, lacks; PATH as RFC 9535 has it)
header NAME == VALUE (also !=, contains, exists, lacks)
latency < 500ms
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]
from jsonpath_rfc9535 import JSONPathEnvironment, JSONPathError, JSONPathQuery

MOST_CONDITIONS = 50
LONGEST_CONDITION = 1000
LONGEST_PATH = 200
LONGEST_SHOWN = 60
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}
ISO = re.compile(r"PT(?=[0-9])(?:([0-9]{1,6})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,6}(?:\.[0-9]{1,6})?)S)?")


class About(StrEnum):
    """What of an answer a condition looks at."""

    BODY = "body"
    JSON = "json"
    HEADER = "header"
    LATENCY = "latency"


WORDS: Mapping[About, tuple[str, ...]] = {
    About.BODY: ("contains", "lacks", "matches"),
    About.JSON: (*COMPARISONS, "exists", "lacks"),
    About.HEADER: ("==", "!=", "contains", "exists", "lacks"),
    About.LATENCY: ("<", "<=", ">", ">="),
}
ALONE = frozenset({"exists", "lacks"})


@dataclass(frozen=True, slots=True)
class Condition:
    """A line: `name` is the path or the header, `value` what is compared with."""

    about: About
    word: str
    name: str = ""
    value: Any = None
    path: JSONPathQuery | None = field(default=None, repr=False)
    pattern: Any = field(default=None, repr=False)


class ConditionError(ValueError):
    """A condition that is none, in a sentence that names its line and, where one is known, the place in it."""

    def __init__(self, message: str, line: int, place: int | None = None) -> None:
        where = f"line {line}" if place is None else f"line {line}, place {place}"
        super().__init__(f"{where}: {message}")


class _Paths(JSONPathEnvironment):
    def setup_function_extensions(self) -> None:
        super().setup_function_extensions()
        # They match by backtracking, which a body can make take for ever.
        for name in ("match", "search"):
            del self.function_extensions[name]


PATHS = _Paths()


@lru_cache(maxsize=2048)
def read(text: str) -> tuple[Condition, ...]:
    """The conditions of a text; ConditionError for the first line that is none."""
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if len(lines) > MOST_CONDITIONS:
        raise ConditionError(f"at most {MOST_CONDITIONS} conditions", lines[MOST_CONDITIONS][0])
    return tuple(_condition(line, number) for number, line in lines)


def seconds(text: str) -> float | None:
    """The seconds of "500ms", "1.5 s", "2m" or "PT2M"; None where it is nothing like that."""
    if found := re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*(ms|s|m)", text.strip()):
        return float(found[1]) * UNITS[found[2]]
    if found := ISO.fullmatch(text.strip()):
        return sum(float(part) * size for part, size in zip(found.groups("0"), (3600.0, 60.0, 1.0), strict=True))
    return None


# -- reading


def _condition(line: str, number: int) -> Condition:
    if len(line) > LONGEST_CONDITION:
        raise ConditionError(f"a condition must not be longer than {LONGEST_CONDITION} characters", number)
    first, _, rest = line.partition(" ")
    try:
        about = About(first.lower())
    except ValueError:
        raise ConditionError(
            f"a condition begins with body, json, header or latency, not with {shown(first)}", number
        ) from None
    rest = rest.strip()
    begins = len(line) - len(rest) + 1
    name, path = "", None
    if about is About.JSON:
        end = _end_of_path(rest)
        name, rest = rest[:end], rest[end:].strip()
        path = _path(name, number, begins)
    elif about is About.HEADER:
        name, _, rest = rest.partition(" ")
        name, rest = name.lower().rstrip(":"), rest.strip()
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9a-z-]+", name):
            raise ConditionError(
                "header needs the name of one, as in: header content-type contains json", number, begins
            )
    word, _, value = rest.partition(" ")
    value = value.strip()
    place = len(line) - len(rest) + 1
    words = WORDS[about]
    if word not in words:
        what = f"not {shown(word)}" if word else "but nothing follows"
        raise ConditionError(
            f"after {first}{' and its name' if name else ''} comes one of {' '.join(words)}, {what}", number, place
        )
    at_value = len(line) - len(value) + 1
    if word in ALONE and about in (About.JSON, About.HEADER):
        if value:
            raise ConditionError(f"nothing follows {word}", number, at_value)
    elif not value:
        raise ConditionError(f"what should it be? Nothing follows {word}", number)
    match about, word:
        case About.BODY, "matches":
            return Condition(about, word, name, value, pattern=_expression(value, number, at_value))
        case About.JSON, _ if word not in ALONE:
            return Condition(about, word, name, _literal(word, value, number, at_value), path)
        case About.LATENCY, _:
            if (limit := seconds(value)) is None:
                raise ConditionError(f"{shown(value)} is no time: write 500ms or 1.5s", number, at_value)
            return Condition(about, word, name, limit)
    return Condition(about, word, name, value, path)


def _end_of_path(text: str) -> int:
    depth, quote, escaped = 0, "", False
    for place, each in enumerate(text):
        if quote:
            escaped, quote = each == "\\" and not escaped, "" if each == quote and not escaped else quote
        elif each in "'\"":
            quote = each
        elif each in "[(":
            depth += 1
        elif each in "])":
            depth -= 1
        elif each == " " and depth <= 0:
            return place
    return len(text)


def _path(text: str, number: int, begins: int) -> JSONPathQuery:
    if not text.startswith("$"):
        raise ConditionError("a JSON path begins with $, as in: json $.status == ok", number, begins)
    if len(text) > LONGEST_PATH:
        raise ConditionError(f"a JSON path must not be longer than {LONGEST_PATH} characters", number, begins)
    bare = re.sub(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", "''", text)
    # What would look at everything once for each of everything.
    if bare.count("..") > 1 or re.search(r"\?.*(\.\.|\$)", bare) or bare.count(",") > 5:
        raise ConditionError(
            "a JSON path may hold one .. (not in a filter), no $ in a filter, and five commas", number, begins
        )
    try:
        return PATHS.compile(text)
    except JSONPathError as error:
        place = begins + error.token.index if error.token else begins
        raise ConditionError(f"not a JSON path: {error.args[0] if error.args else error}", number, place) from None
    except RecursionError:
        raise ConditionError("a JSON path of so many brackets cannot be read", number, begins) from None


def _expression(text: str, number: int, place: int) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(text, options=options)
    except re2.error as error:
        told = error.args[0] if error.args else error
        told = told.decode() if isinstance(told, bytes) else told
        raise ConditionError(f"not an RE2 expression: {told}", number, place) from None


def _literal(word: str, text: str, number: int, place: int) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    if word not in ("==", "!=") and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise ConditionError(f"{word} compares numbers, and {shown(text)} is none", number, place)
    return value


def shown(text: str) -> str:
    """The beginning of a text, in quotation marks and on one line."""
    line = " ".join(text[: 4 * LONGEST_SHOWN].split())
    return f"“{line}”" if len(line) <= LONGEST_SHOWN else f"“{line[: LONGEST_SHOWN - 1]}…”"
