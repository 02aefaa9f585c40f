"""What a machine says of itself, as facts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from century.probes.machine import Disk, Machine, chosen, cpu_share, facts, remembered, sentence

SEEN = Machine(
    busy=300.0, idle=700.0, memory=1000, available=250, swap=0, swap_used=0, load=3.0, processors=2, uptime=90.0
)


@pytest.mark.parametrize(
    ("told", "memory", "share"),
    [
        ("at first nothing is known", {}, None),
        ("half of the time since", {"busy": 250.0, "idle": 650.0}, 0.5),
        ("all of it", {"busy": 200.0, "idle": 700.0}, 1.0),
        ("idle time that went back by a little", {"busy": 290.0, "idle": 700.5}, 1.0),
        ("the machine began anew", {"busy": 9000.0, "idle": 100.0}, None),
        ("no time has passed", {"busy": 300.0, "idle": 700.0}, None),
        ("what is remembered is none of ours", {"busy": "much"}, None),
    ],
)
def test_the_share_of_the_processors(told: str, memory: dict[str, Any], share: float | None) -> None:
    assert cpu_share(SEEN, memory) == share, told


def test_the_facts() -> None:
    seen = replace(SEEN, swap=100, swap_used=40, disks=[Disk("/", 60, 20), Disk("/data", 0, 0)])
    told = {f"{each.name} {each.part}".strip(): each.value for each in facts(seen, {"busy": 290.0, "idle": 690.0})}
    assert told == {
        "host.cpu_share": 0.5,
        "host.memory_used_share": 0.75,
        "host.memory_available": 250.0,
        "host.swap_used_share": 0.4,
        "host.load_per_cpu": 1.5,
        "host.uptime": 90.0,
        "host.disk_used_share /": 0.75,
        "host.disk_free /": 20.0,
        "host.disk_used_share /data": 0.0,
        "host.disk_free /data": 0.0,
    }
    assert remembered(seen) == {"busy": 300.0, "idle": 700.0}


def test_without_swap_there_is_no_share_of_it() -> None:
    assert "host.swap_used_share" not in {each.name for each in facts(SEEN, {})}


@pytest.mark.parametrize(
    ("told", "mounts", "paths"),
    [
        ("nothing is mounted that fills", [], ["/"]),
        ("an image", [("/dev/loop3", "/snap/a", "squashfs"), ("overlay", "/", "overlay")], ["/"]),
        (
            "each once",
            [("/dev/a", "/data/deep", "ext4"), ("/dev/a", "/", "ext4"), ("/dev/b", "/x", "xfs")],
            ["/", "/x"],
        ),
    ],
)
def test_the_disks_worth_watching(told: str, mounts: list[tuple[str, str, str]], paths: list[str]) -> None:
    assert chosen(mounts) == paths, told


def test_a_sentence() -> None:
    told = facts(replace(SEEN, disks=[Disk("/", 60, 40), Disk("/data", 90, 10)]), {})
    assert sentence(told) == "memory 75%, the fullest disk is /data with 90%"
    assert sentence([]) == "it runs"
