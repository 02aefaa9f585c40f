"""The machine that this test runs on."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from century.probes.kinds import host
from tests.probes.asking import NOW, ask, config, facts


async def test_this_machine(tmp_path: Path) -> None:
    first = await ask(host, {"paths": f"{tmp_path}\n/nowhere/at/all"})
    assert first.ok and not first.remote
    told = facts(first)
    assert "host.cpu_share" not in told
    assert 0 < told["host.memory_used_share"] < 1
    usage = psutil.disk_usage(str(tmp_path))
    assert told[f"host.disk_used_share {tmp_path}"] == pytest.approx(usage.percent / 100, abs=0.02)
    assert told["host.load_per_cpu"] >= 0
    assert first.lines == ("/nowhere/at/all: no such file or directory",)
    sum(n * n for n in range(300_000))
    again = await ask(host, {}, memory=first.memory, now=NOW + timedelta(seconds=30))
    told = facts(again)
    assert 0 < told["host.cpu_share"] <= 1
    assert any(name.startswith("host.disk_free /") for name in told)
    assert {name.split()[0] for name in told} <= {each.name for each in host.FACTS}


async def test_a_disk_that_hangs_holds_up_nothing_else(tmp_path: Path, monkeypatch: Any) -> None:
    release, real = threading.Event(), psutil.disk_usage

    def usage(path: str) -> Any:
        if path == "/gone":
            release.wait(10)
        return real(str(tmp_path))

    monkeypatch.setattr(host.psutil, "disk_usage", usage)
    try:
        found = await ask(host, {"paths": "/gone\n/here"}, timeout=0.5)
        assert found.ok and found.lines == ("/gone did not answer within 0.5 s",)
        assert "host.disk_free /here" in facts(found)
        again = await ask(host, {"paths": "/gone"}, timeout=0.5)
        assert again.lines == ("/gone still does not answer",)
    finally:
        release.set()


@pytest.mark.parametrize(
    ("paths", "sentence"),
    [
        ("data", "line 1: a folder must begin with /"),
        ("/a\nb", "line 2: a folder must begin with /"),
        ("\n".join(f"/{n}" for n in range(21)), "20 folders at most, there are 21"),
    ],
)
def test_what_cannot_work_is_told_before(paths: str, sentence: str) -> None:
    found = host.problems(config(host, {"paths": paths}))
    assert [each.field for each in found] == ["paths"]
    assert sentence in found[0].message


def test_what_can_work_is_taken() -> None:
    assert host.problems(config(host, {})) == []
    assert host.target(config(host, {})) == "every local disk"
    assert host.target(config(host, {"paths": "/a\n/b"})) == "/a, /b"
