"""Backups: the age of the newest one that was verified, in a folder that whoever runs the installation opened."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from century.core.settings import Settings
from century.probes.aside import StillBusy, aside
from century.probes.backups import (
    SUFFIX,
    Backup,
    candidates,
    checksum_in,
    fitting,
    folder_problem,
    newest_verified,
    pattern_problem,
    written_by,
)
from century.probes.kind import Config, FactName, Field, FieldType, Problem
from century.probes.kinds import Target
from century.probes.measurement import Fact, Measurement, Step, Trouble
from century.probes.wire import Failed, Wire

LABEL = "Backup"
HELP = "Looks for the newest verified backup in a folder of the worker's machine; its age is a fact for rules."
PREFIX = "backup"
REMOTE = False
INTERVAL, TIMEOUT, SHORTEST = 300.0, 30.0, 10.0
NOTHING, CHECKSUM, HEARTBEAT = "size", "checksum", "heartbeat"
MOST_FILES = 10_000
# So many of the newest are looked at; were none of these verified, nobody should rely on an older one.
MOST_CANDIDATES = 5
FIELDS = (
    Field(
        "folder",
        "Folder",
        "On the worker's machine, inside one of MONITORING_BACKUP_PATHS.",
        required=True,
        placeholder="/var/backups/postgres",
    ),
    Field("pattern", "Files", "Which files are backups.", required=True, default="*", placeholder="app-*.dump"),
    Field("leastBytes", "At least so many bytes", "A smaller file is no backup.", FieldType.NUMBER, default="1"),
    Field(
        "verifiedBy",
        "Verified by",
        "checksum: a file of the same name with .sha256 at its end must agree. heartbeat: a good run of the job that makes "
        "and tests it must have ended since. size: being large enough will do.",
        FieldType.CHOICE,
        default=CHECKSUM,
        options=(CHECKSUM, HEARTBEAT, NOTHING),
    ),
    Field("heartbeat", "Heartbeat", "The name of that job's heartbeat.", placeholder="nightly backup", advanced=True),
)
FACTS = (
    FactName("backup.age", "Age of the newest verified backup", "s"),
    FactName("backup.size", "Size of the newest verified backup", "By"),
    FactName("backup.count", "Backups", "{file}"),
)


def unavailable(settings: Settings) -> str | None:
    """Somebody must have opened a folder."""
    return None if settings.backup_paths else "no folder is opened: MONITORING_BACKUP_PATHS names those"


def target(config: Config) -> str:
    """The folder and the files."""
    return f"{config['folder'].rstrip('/')}/{config['pattern']}"[:200]


def problems(config: Config) -> list[Problem]:
    """What cannot work, a sentence each. Whether the folder is open to us is told by a check: it depends on the machine."""
    found = []
    if wrong := folder_problem(config["folder"]):
        found.append(Problem("folder", wrong))
    if wrong := pattern_problem(config["pattern"]):
        found.append(Problem("pattern", wrong))
    least = config.number("leastBytes")
    if config["leastBytes"] and (least is None or not 0 <= least < 1e18):
        found.append(Problem("leastBytes", "it must be a number of bytes, like 1000000"))
    if config["verifiedBy"] not in (CHECKSUM, HEARTBEAT, NOTHING):
        found.append(Problem("verifiedBy", f"it must be {CHECKSUM}, {HEARTBEAT} or {NOTHING}"))
    if config["verifiedBy"] == HEARTBEAT and not config["heartbeat"].strip():
        found.append(Problem("heartbeat", "name the heartbeat of the job that makes and tests the backups"))
    return found


async def check(target: Target, wire: Wire) -> Measurement:
    """Find the newest, verify it where that was not done yet, and tell how old it is."""
    clock = asyncio.get_running_loop().time
    began = clock()
    config = target.config
    try:
        found = await _found(target, wire)
        listed = clock() - began
        match config["verifiedBy"]:
            case "checksum":
                verified, lines = await _verified(target, found, began + target.timeout)
            case "heartbeat":
                verified, lines = await _reported(config["heartbeat"].strip(), found, wire)
            case _:
                verified, lines = [each.mark for each in found], []
    except Failed as error:
        return Measurement(False, error.message, trouble=error.trouble, remote=False)
    facts = [Fact("backup.count", float(len(found)))]
    newest = newest_verified(found, verified)
    if newest is None:
        message = "there is no backup" if not found else f"no backup is verified: {'; '.join(lines)}"
    else:
        age = max(0.0, target.now.timestamp() - newest.written / 1e9)
        facts += [Fact("backup.age", age), Fact("backup.size", float(newest.size))]
        message = f"{newest.name} is {_words(age)} old"
    took = clock() - began
    marks = [each.mark for each in found[:MOST_CANDIDATES] if each.mark in verified]
    return Measurement(
        newest is not None,
        message,
        took,
        tuple(facts),
        None if newest else Trouble.ANSWER,
        (Step("list", listed), Step("verify", took - listed)),
        tuple(lines),
        {"verified": marks} if config["verifiedBy"] == CHECKSUM else {},
        True,
        False,
    )


async def _found(target: Target, wire: Wire) -> list[Backup]:
    config = target.config

    def look() -> list[Backup]:
        folder = _opened(config["folder"], wire.settings.backup_paths)
        return candidates(_backups(folder, config["pattern"]), config.number("leastBytes") or 0)

    try:
        return await aside(f"folder {target.id}", look, target.timeout)
    except StillBusy:
        raise Failed(Trouble.TIMEOUT, "the folder still does not answer") from None
    except TimeoutError:
        raise Failed(Trouble.TIMEOUT, f"the folder did not answer within {target.timeout:g} s") from None
    except OSError as error:
        said = (error.strerror or type(error).__name__).lower()
        raise Failed(Trouble.ANSWER, f"{config['folder'][:100]} cannot be read: {said}") from None


def _opened(given: str, allowed: Sequence[Path]) -> Path:
    """The folder that a path leads to, by whatever links; Failed if it lies in none that was opened."""
    folder = Path(given).resolve()
    if not any(folder.is_relative_to(each.resolve()) for each in allowed):
        raise Failed(
            Trouble.REFUSED,
            f"{given[:100]} lies in no folder that backups are looked for in: open it with MONITORING_BACKUP_PATHS",
        )
    return folder


def _backups(folder: Path, pattern: str) -> list[Backup]:
    with os.scandir(folder) as entries:
        # A link may lead anywhere, so that it is none of the folder's files.
        files = {each.name: each for _, each in zip(range(MOST_FILES), entries, strict=False) if _is_file(each)}
    found = []
    for name in fitting(files, pattern):
        known = files[name].stat(follow_symlinks=False)
        checksum = _checksum(folder / (name + SUFFIX)) if name + SUFFIX in files else None
        found.append(Backup(name, known.st_mtime_ns, known.st_size, checksum))
    return found


def _is_file(entry: os.DirEntry[str]) -> bool:
    return entry.is_file(follow_symlinks=False)


def _checksum(path: Path) -> str | None:
    with path.open("rb") as file:
        return checksum_in(file.read(1024).decode("utf-8", "replace"))


async def _verified(target: Target, found: list[Backup], until: float) -> tuple[list[str], list[str]]:
    """The marks of those that are verified, and what is to be said of the others."""
    known = target.memory.get("verified")
    before = set(known) if isinstance(known, list | tuple) else set()
    verified: list[str] = []
    lines: list[str] = []
    for backup in found[:MOST_CANDIDATES]:
        if backup.mark in before:
            verified.append(backup.mark)
        elif not verified:  # the newest counts: what is older need not be read
            said = await _wrong(target, backup, until)
            if said is None:
                verified.append(backup.mark)
            else:
                lines.append(said)
    return verified, lines


async def _reported(name: str, found: list[Backup], wire: Wire) -> tuple[list[str], list[str]]:
    """The marks of those that a good run of a job has seen, and what is to be said where it has not."""
    ended = await wire.last_good(name) if wire.last_good else None
    if ended is None:
        return [], [f"no good run of the heartbeat '{name[:100]}' is known"]
    verified = written_by(found, ended)
    return verified, [] if verified else [f"the last good run of '{name[:100]}' ended before any of them was written"]


async def _wrong(target: Target, backup: Backup, until: float) -> str | None:
    if backup.checksum is None:
        return f"{backup.name} has no checksum in {backup.name}{SUFFIX}"
    path = Path(target.config["folder"]) / backup.name
    left = until - asyncio.get_running_loop().time()
    try:
        if left <= 0:
            raise TimeoutError
        read = await aside(f"sum {path}", lambda: digest(path, backup.written, backup.size), left)
    except TimeoutError:
        # The thread goes on, and what it finds is kept for the next check.
        return f"{backup.name} is still being read"
    except OSError as error:
        return f"{backup.name} cannot be read: {(error.strerror or type(error).__name__).lower()}"
    return None if read == backup.checksum else f"{backup.name} is not what its checksum says"


@lru_cache(maxsize=64)
def digest(path: Path, written: int, size: int) -> str:
    """The SHA-256 of a file as it was written then: a large one is read once, though it takes longer than a check."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _words(seconds: float) -> str:
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {name}{'s' if count > 1 else ''}"
    return f"{seconds:.0f} seconds"
