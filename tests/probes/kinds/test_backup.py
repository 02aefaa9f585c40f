"""Backups in real folders: verified, altered, missing, and where nobody may look."""

from __future__ import annotations

import hashlib
import os
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert

from century.core.work import Works
from century.probes import beat_kept
from century.probes.heartbeat import RunState
from century.probes.kinds import backup
from century.probes.measurement import Measurement, Trouble
from century.probes.tables import RunRow
from tests.probes.asking import NOW, ask, config, facts, wire
from tests.probes.conftest import Beats
from tests.world import World


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that was opened."""
    made = tmp_path / "backups"
    made.mkdir()
    return made


def written(
    folder: Path, name: str, hours_ago: float, content: bytes = b"everything", *, told: bytes | None = None
) -> None:
    """A backup with its checksum; `told`: the checksum is another content's."""
    path = folder / name
    path.write_bytes(content)
    at = (NOW - timedelta(hours=hours_ago)).timestamp()
    os.utime(path, (at, at))
    sum_of = hashlib.sha256(content if told is None else told).hexdigest()
    (folder / f"{name}.sha256").write_text(f"{sum_of}  {name}\n")


async def look(folder: Path, allowed: Path | None = None, **more: Any) -> Measurement:
    options = {name: more.pop(name) for name in ("timeout", "memory", "now") if name in more}
    values = {"folder": str(folder), "pattern": "*.dump", **more}
    return await ask(backup, values, wire(backup_paths=(allowed or folder,)), **options)


async def test_the_newest_verified_one_counts(folder: Path) -> None:
    written(folder, "monday.dump", 30)
    written(folder, "tuesday.dump", 6, b"everything and more")
    found = await look(folder)
    assert found.ok, found.message
    assert found.message == "tuesday.dump is 6 hours old"
    assert facts(found) == {"backup.count": 2.0, "backup.age": 6 * 3600.0, "backup.size": 19.0}
    assert not found.remote and {each.name for each in backup.FACTS} == set(facts(found))
    assert len(found.memory["verified"]) == 1


async def test_one_that_was_altered_does_not_count(folder: Path) -> None:
    written(folder, "monday.dump", 30)
    written(folder, "tuesday.dump", 6, b"nothing", told=b"everything")
    found = await look(folder)
    assert found.ok
    assert facts(found)["backup.age"] == 30 * 3600
    assert found.lines == ("tuesday.dump is not what its checksum says",)
    (folder / "monday.dump").unlink()
    alone = await look(folder)
    assert not alone.ok and alone.trouble is Trouble.ANSWER
    assert alone.message == "no backup is verified: tuesday.dump is not what its checksum says"


async def test_one_without_a_checksum(folder: Path) -> None:
    written(folder, "monday.dump", 30)
    (folder / "monday.dump.sha256").unlink()
    found = await look(folder)
    assert found.message == "no backup is verified: monday.dump has no checksum in monday.dump.sha256"
    assert (await look(folder, verifiedBy="size")).ok
    small = await look(folder, verifiedBy="size", leastBytes="11")
    assert small.message == "there is no backup" and facts(small) == {"backup.count": 0.0}


async def test_what_was_verified_is_read_once(folder: Path) -> None:
    written(folder, "monday.dump", 30)
    first = await look(folder)
    backup.digest.cache_clear()
    again = await look(folder, memory=first.memory)
    assert again.ok and backup.digest.cache_info().misses == 0
    written(folder, "monday.dump", 1, b"changed", told=b"everything")
    assert not (await look(folder, memory=first.memory)).ok


async def test_a_large_one_may_take_longer_than_a_check(folder: Path, monkeypatch: Any) -> None:
    written(folder, "monday.dump", 30)
    written(folder, "tuesday.dump", 6)
    first = await look(folder, pattern="monday.dump")
    release, real = threading.Event(), hashlib.file_digest

    def slow(file: Any, name: str) -> Any:
        release.wait(10)
        return real(file, name)

    monkeypatch.setattr(backup.hashlib, "file_digest", slow)
    found = await look(folder, timeout=0.7, memory=first.memory)
    assert found.lines == ("tuesday.dump is still being read",)
    assert found.message == "monday.dump is 1 day old"
    assert (await look(folder, timeout=0.7, memory=found.memory)).lines == found.lines
    reading = next(each for each in threading.enumerate() if each.name.startswith("aside sum"))
    release.set()
    reading.join(5)
    monkeypatch.setattr(backup.hashlib, "file_digest", None)  # it is not read again
    assert (await look(folder, memory=found.memory)).message == "tuesday.dump is 6 hours old"


async def test_a_job_may_verify_them(folder: Path, works: Works, beats: Beats, world: World) -> None:
    written(folder, "monday.dump", 30)
    written(folder, "tuesday.dump", 6)
    through = wire(backup_paths=(folder,), last_good=beat_kept.last_good(works))
    values = {"folder": str(folder), "pattern": "*.dump", "verifiedBy": "heartbeat", "heartbeat": "nightly"}
    unknown = await ask(backup, values, through)
    assert unknown.message == "no backup is verified: no good run of the heartbeat 'nightly' is known"
    known = await beats.make("nightly")
    await beats.make("another")

    async def ended(hours_ago: float, state: RunState) -> None:
        at = NOW - timedelta(hours=hours_ago)
        async with works.begin() as work:
            run = {"id": uuid4(), "heartbeat_id": known.id, "state": state.value, "ended_at": at, "at": at}
            await work.execute(insert(RunRow).values(**run))

    await ended(40, RunState.OK)
    await ended(1, RunState.FAILED)
    early = await ask(backup, values, through)
    assert early.message == "no backup is verified: the last good run of 'nightly' ended before any of them was written"
    await ended(29, RunState.OK)
    assert (await ask(backup, values, through)).message == "monday.dump is 1 day old"
    await ended(5, RunState.OK)
    assert (await ask(backup, values, through)).message == "tuesday.dump is 6 hours old"
    other = await ask(backup, values | {"heartbeat": "another"}, through)
    assert not other.ok


async def test_where_nobody_may_look(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    written(outside, "secret.dump", 1)
    (folder / "link").symlink_to(outside)
    (folder / "link.dump").symlink_to(outside / "secret.dump")
    (folder / "link.dump.sha256").symlink_to(outside / "secret.dump.sha256")
    for path in (outside, folder / "link", folder / ".." / "outside", tmp_path):
        found = await look(path, folder)
        assert found.trouble is Trouble.REFUSED, path
        assert "open it with MONITORING_BACKUP_PATHS" in found.message
    assert (await look(folder)).message == "there is no backup"
    inner = folder / "inner"
    inner.mkdir()
    written(inner, "a.dump", 1)
    assert (await look(inner, folder)).ok


async def test_a_folder_that_is_not_there(folder: Path) -> None:
    found = await look(folder / "gone", folder)
    assert found.message == f"{folder / 'gone'} cannot be read: no such file or directory"


@pytest.mark.parametrize(
    ("values", "field", "sentence"),
    [
        ({"folder": "backups"}, "folder", "must begin with /"),
        ({"folder": "/a", "pattern": "../*"}, "pattern", "the name of a file in the folder"),
        ({"folder": "/a", "leastBytes": "much"}, "leastBytes", "a number of bytes"),
        ({"folder": "/a", "verifiedBy": "hope"}, "verifiedBy", "must be checksum, heartbeat or size"),
        ({"folder": "/a", "verifiedBy": "heartbeat"}, "heartbeat", "name the heartbeat"),
    ],
)
def test_what_cannot_work_is_told_before(values: dict[str, str], field: str, sentence: str) -> None:
    found = backup.problems(config(backup, values))
    assert [each.field for each in found] == [field]
    assert sentence in found[0].message


def test_what_can_work_is_taken() -> None:
    assert backup.problems(config(backup, {"folder": "/a"})) == []
    assert backup.target(config(backup, {"folder": "/a/", "pattern": "*.dump"})) == "/a/*.dump"
    through = wire(backup_paths=())
    assert "MONITORING_BACKUP_PATHS" in (backup.unavailable(through.settings) or "")
