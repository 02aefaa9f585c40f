"""People and keys from the command line: each command is one transaction, which answers what is to be printed."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from century.access import keys, people
from century.core.actor import Role, Scope
from century.core.settings import Settings
from century.core.work import Work
from century.process import SpawnError


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command says: `text` on stdout, alone, so that a script can take it; `note` on stderr."""

    text: str
    note: str = ""


async def create_user(work: Work, settings: Settings, arguments: argparse.Namespace) -> Answer:
    """Add a person, with a password or a link."""
    password = None if arguments.invite else read_password(from_stdin=arguments.password_stdin)
    created = await people.create_person(
        work, settings, arguments.name, arguments.email, Role(arguments.role), password
    )
    text = f"{created.person.name} ({created.person.email}) may sign in as {created.person.role.value}."
    return Answer(f"{text}\nTheir sign-in link, for one use: {created.sign_in_url}" if created.sign_in_url else text)


def read_password(*, from_stdin: bool) -> str:
    """A password from standard input, or asked for twice at the terminal."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise SpawnError("No terminal to ask for a password at: use --password-stdin or --invite.")
    first = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != first:
        raise SpawnError("The two passwords differ.")
    return first


async def list_users(work: Work, settings: Settings, arguments: argparse.Namespace) -> Answer:
    """People as a table."""
    rows = [
        (
            person.name,
            person.email,
            person.role.value,
            "disabled" if person.disabled_at else "invited" if person.invited else "active",
            day(person.last_login_at),
        )
        for person in await people.list_people(work)
    ]
    return table(("NAME", "MAIL", "ROLE", "STATE", "LAST SIGN-IN"), rows)


async def set_role(work: Work, settings: Settings, arguments: argparse.Namespace) -> Answer:
    """Another role, at once."""
    person = await people.find_person(work, arguments.name)
    changed = await people.set_role(work, person.id, Role(arguments.role))
    return Answer(f"{changed.name} is {changed.role.value} now.")


async def disable_user(work: Work, settings: Settings, arguments: argparse.Namespace) -> Answer:
    """Shut out, sessions ended."""
    person = await people.find_person(work, arguments.name)
    await people.disable(work, person.id)
    return Answer(f"{person.name} is disabled and signed out everywhere.")


async def create_key(work: Work, settings: Settings, arguments: argparse.Namespace) -> Answer:
    """A key; the secret is the last line, alone, so that a script can take it."""
    expires = work.now + arguments.expires if isinstance(arguments.expires, timedelta) else arguments.expires
    key, secret = await keys.create_key(
        work, settings, arguments.name, [Scope(scope) for scope in arguments.scope], expires
    )
    until = f" until {day(key.expires_at)}" if key.expires_at else ""
    scopes = ", ".join(scope.value for scope in key.scopes)
    return Answer(secret, note=f"The key {key.name} may {scopes}{until}. Its secret, shown once:")


async def list_keys(work: Work, settings: Settings, arguments: argparse.Namespace) -> Answer:
    """Keys as a table."""
    rows = [
        (
            key.name,
            key.prefix,
            " ".join(scope.value for scope in key.scopes),
            "revoked" if key.revoked_at else "expired" if key.expires_at and key.expires_at <= work.now else "active",
            day(key.expires_at),
            day(key.last_used_at),
        )
        for key in await keys.list_keys(work)
    ]
    return table(("NAME", "PREFIX", "SCOPES", "STATE", "EXPIRES", "LAST USED"), rows)


async def revoke_key(work: Work, settings: Settings, arguments: argparse.Namespace) -> Answer:
    """The end of a key."""
    key = await keys.find_key(work, arguments.name)
    await keys.revoke_key(work, key.id)
    return Answer(f"The key {key.name} ({key.prefix}) is revoked.")


def day(at: datetime | None) -> str:
    """A time to the minute, or a dash."""
    return f"{at:%Y-%m-%d %H:%M}" if at else "-"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Answer:
    """Columns as wide as they need to be."""
    lines = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return Answer("\n".join(line.rstrip() for line in padded))
