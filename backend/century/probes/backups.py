"""Which backup counts: the newest that was verified."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

CHECKSUM = re.compile(r"\\?([0-9a-fA-F]{64})(?:\s|$)")
SUFFIX = ".sha256"


@dataclass(frozen=True, slots=True)
class Backup:
    """A file that is one: when it was written (Unix nanoseconds), its bytes, and what its checksum should be."""

    name: str
    written: int
    size: int
    checksum: str | None = None

    @property
    def mark(self) -> str:
        """What must be the same for a verified backup to be verified still."""
        return f"{self.name}:{self.written}:{self.size}:{self.checksum}"


def fitting(names: Iterable[str], pattern: str) -> list[str]:
    """The names that a pattern means; checksums of others are none themselves."""
    return [each for each in names if fnmatchcase(each, pattern) and not each.endswith(SUFFIX)]


def checksum_in(text: str) -> str | None:
    """The checksum that a file of sha256sum's begins with."""
    found = CHECKSUM.match(text.lstrip("\ufeff"))
    return found[1].lower() if found else None


def candidates(backups: Iterable[Backup], least: float) -> list[Backup]:
    """Those that are large enough, the newest first."""
    return sorted((each for each in backups if each.size >= least), key=lambda each: (-each.written, each.name))


def newest_verified(backups: Sequence[Backup], verified: Collection[str]) -> Backup | None:
    """The newest whose mark is among the verified ones; they come the newest first."""
    return next((each for each in backups if each.mark in verified), None)


def written_by(backups: Iterable[Backup], ended: datetime) -> list[str]:
    """The marks of those that were there when a good run of the job that makes them ended."""
    return [each.mark for each in backups if each.written <= ended.timestamp() * 1e9]


def pattern_problem(pattern: str) -> str | None:
    """Why a pattern can mean no file, as a sentence."""
    if not pattern:
        return "say which files are backups, like *.dump"
    if len(pattern) > 255 or "/" in pattern or "\0" in pattern or pattern in (".", ".."):
        return "a pattern is the name of a file in the folder, with * for any part of it, like *.dump"
    return None


def folder_problem(folder: str) -> str | None:
    """Why a folder can be none, as a sentence."""
    if not folder.startswith("/") or "\0" in folder or len(folder) > 1024:
        return "a folder must begin with /, like /var/backups/postgres"
    return None
