"""Hosts and ports as people enter them."""

from __future__ import annotations

import re
from ipaddress import ip_address

import idna

from century.probes.kind import Config, Field, FieldType, Problem

LONGEST_HOST = 253
NAME = re.compile(r"(?=.*[a-z0-9])[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*\.?")

HOST = Field("host", "Host", "A name or an address.", required=True, placeholder="db.example.com")


def port_field(default: str | None = None, placeholder: str = "") -> Field:
    """The field of a port."""
    return Field(
        "port",
        "Port",
        "From 1 to 65535.",
        FieldType.NUMBER,
        required=default is None,
        default=default,
        placeholder=placeholder,
    )


def host_of(text: str) -> str:
    """A host in ASCII, an address without brackets; ValueError with a sentence where it is none."""
    text = text.strip()
    if not text:
        raise ValueError("give a name or an address, like db.example.com or 10.0.0.5")
    if "/" in text:
        raise ValueError("give the host alone, without http:// and without a path")
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        return str(ip_address(bare))
    except ValueError:
        pass
    if ":" in text:
        raise ValueError("give the host alone: the port has a field of its own")
    try:
        name = idna.encode(text, uts46=True).decode() if not text.isascii() else text.lower()
    except idna.IDNAError:
        name = ""
    if len(name) > LONGEST_HOST or not NAME.fullmatch(name):
        raise ValueError(f"“{text[:60]}” is neither a name nor an address")
    return name


def port_of(text: str) -> int:
    """A port; ValueError with a sentence where it is none."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= 65_535):
        raise ValueError("a port must lie between 1 and 65535")
    return int(text)


def problems(config: Config, *, port: str = "") -> list[Problem]:
    """What is wrong with the fields `host` and `port` (empty: `port`)."""
    found = []
    for name, reads, text in (("host", host_of, config["host"]), ("port", port_of, config["port"] or port)):
        try:
            reads(text)
        except ValueError as error:
            found.append(Problem(name, str(error)))
    return found
