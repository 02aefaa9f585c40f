"""Decisions about health, targets and ranges, by tables of cases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from century.core.errors import Invalid
from century.telemetry import metrics, resources, slots, targets
from century.telemetry.health import Health, assess
from century.telemetry.hour import failed
from century.telemetry.instants import nanoseconds
from century.telemetry.metrics import Aggregation
from century.telemetry.performance import Latency, Totals
from century.telemetry.plain import Series

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def totals(requests: int = 0, errors: int = 0, p95: float | None = 0.1, cpu: float | None = None) -> Totals:
    latency = Latency(0.1, 0.1, p95, 0.2, 0.3) if requests else Latency()
    rate = errors / requests if requests else None
    return Totals(requests, errors, 1.0, rate, 1.0 if requests else None, 1.0, latency, cpu, None)


@pytest.mark.parametrize(
    ("last", "heard", "health"),
    [
        pytest.param(totals(), False, Health.SILENT, id="nothing was heard"),
        pytest.param(totals(), True, Health.HEALTHY, id="it lives, and nobody asks anything of it"),
        pytest.param(totals(100), True, Health.HEALTHY, id="all is well"),
        pytest.param(totals(100, 3), True, Health.DEGRADED, id="three in a hundred fail"),
        pytest.param(totals(100, 6), True, Health.UNHEALTHY, id="more than one in twenty fail"),
        pytest.param(totals(4, 1), True, Health.HEALTHY, id="one failure says nothing about a rate"),
        pytest.param(totals(100, p95=6.0), True, Health.DEGRADED, id="it is slow"),
        pytest.param(totals(0, cpu=0.95), True, Health.DEGRADED, id="its processor is busy"),
    ],
)
def test_health(last: Totals, heard: bool, health: Health) -> None:
    assert assess(last, heard) is health


def test_targets_are_met_missed_or_not_measured() -> None:
    held = {each.name: each.met for each in targets.hold(targets.DEFAULTS, {"cpu": 0.7, "availability": 0.9995})}
    assert held == {
        "latency_avg": None, "latency_p95": None, "error_rate": None, "availability": True, "cpu": False, "memory": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("span", "most", "seconds"),
    [
        (timedelta(minutes=50), 300, 10),
        (timedelta(hours=1), 300, 30),
        (timedelta(hours=3), 300, 60),
        (timedelta(days=1), 1440, 60),
        (timedelta(days=1), 300, 300),
        (timedelta(days=30), 720, 3600),
        (timedelta(days=30), 300, 10_800),
        (timedelta(days=400), 300, 2 * 86_400),
        (timedelta(days=30), 1, 4_194_304),
    ],
)
def test_the_finest_step_that_keeps_within_the_points(span: timedelta, most: int, seconds: int) -> None:
    made = slots.slots(NOW - span, NOW, most)
    assert made.number <= most
    assert made.step / slots.SECOND in (seconds, made.step / slots.SECOND if most == 1 else seconds)
    assert made.seconds.sum() == pytest.approx(span.total_seconds())


@pytest.mark.parametrize(
    ("attributes", "error"),
    [
        ({"http.response.status_code": "500"}, True),
        ({"http.response.status_code": "404"}, False),
        ({"http.response.status_code": "404", "error.type": "404"}, False),
        ({"error.type": "TimeoutError"}, True),
        ({}, False),
    ],
)
def test_what_counts_as_an_error(attributes: dict[str, str], error: bool) -> None:
    assert failed(attributes) is error


def gauge(number: int, metric: str, **attributes: str) -> Series:
    return Series(number, 1, metric, "gauge", "number", {k.replace("__", "."): v for k, v in attributes.items()})


def test_states_add_up_processors_and_machines_are_averaged() -> None:
    zero = np.zeros(2, dtype=np.int64)
    machine = [
        (gauge(n, resources.SYSTEM_CPU, cpu=cpu, state=state), zero, np.array([value, value]))
        for n, (cpu, state, value) in enumerate(
            [("0", "user", 0.4), ("0", "system", 0.2), ("0", "idle", 0.4), ("1", "user", 0.1), ("1", "system", 0.1)]
        )
    ]
    assert resources.cpu(machine, 1)[0][0] == pytest.approx(0.4)
    process = [(gauge(9, resources.PROCESS_CPU, cpu__mode="user"), zero, np.array([0.1, 0.3]))]
    assert resources.cpu([*machine, *process], 1)[0][0] == pytest.approx(0.2)
    memory = [
        (gauge(1, resources.SYSTEM_MEMORY, state="used"), zero, np.array([0.5, 0.5])),
        (gauge(2, resources.SYSTEM_MEMORY, state="free"), zero, np.array([0.3, 0.3])),
    ]
    assert resources.memory(memory, 1)[0][0] == pytest.approx(0.5)
    assert np.isnan(resources.memory([], 1)[0][0])


def test_groups_are_bounded() -> None:
    series = {n: gauge(n, "m", user=str(n)) for n in range(101)}
    assert len(metrics.groups(series, [], {})) == 1
    assert len(metrics.groups(series, ["user"], {"user": frozenset(("7", "8"))})) == 2
    with pytest.raises(Invalid):
        metrics.groups(series, ["user"], {})
    assert metrics.unit("By", Aggregation.RATE, histogram=False) == "By/s"


@pytest.mark.parametrize(
    ("step", "count", "expected", "why"),
    [
        (10, [3, 4, 2, 5, 1, 3], 10, "an export every ten seconds fills every slot"),
        (30, [0, 8, 0, 9, 0, 7, 0, 8], 60, "an export a minute leaves every second slot empty"),
        (10, [5, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 9], 60, "or five of six"),
        (10, [5, 0, 0, 6, 0, 0, 4, 0, 0, 9], 30, "every thirty seconds"),
        (10, [1, *[0] * 40, 1, *[0] * 40, 1, *[0] * 40, 1], 60, "a quiet service keeps minutes"),
        (10, [0, 1, 0, 0, 1], 10, "too few to tell"),
        (300, [0, 1, 0, 1, 0, 1, 0, 1], 300, "a coarse step stays"),
    ],
)
def test_slots_are_no_finer_than_exports_are_apart(step: int, count: list[int], expected: int, why: str) -> None:
    fine = slots.Slots(0, len(count) * step * slots.SECOND, step * slots.SECOND)
    made = slots.in_rhythm(fine, np.array(count))
    assert made == slots.Slots(fine.start, fine.end, expected * slots.SECOND), why


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([(60, 180)], [(60, 180)], id="whole minutes are themselves"),
        pytest.param([(61, 179)], [(60, 180)], id="a minute that is touched is touched whole"),
        pytest.param([(61, 62)], [(60, 120)], id="a second touches its minute"),
        pytest.param([(60, 60)], [], id="an empty range touches nothing"),
        pytest.param([(120, 60)], [], id="nor does one that ends before it begins"),
        pytest.param([(300, 360), (0, 60)], [(0, 60), (300, 360)], id="in order"),
        pytest.param([(0, 90), (100, 180)], [(0, 180)], id="two that touch the same minute are one"),
        pytest.param([(0, 60), (60, 120)], [(0, 120)], id="two that meet are one"),
        pytest.param([(0, 600), (60, 120)], [(0, 600)], id="one within another"),
    ],
)  # fmt: skip
def test_the_minutes_that_ranges_touch(ranges: list[tuple[int, int]], expected: list[tuple[int, int]]) -> None:
    found = slots.touched([(NOW + timedelta(seconds=start), NOW + timedelta(seconds=end)) for start, end in ranges])
    origin = nanoseconds(NOW)
    assert [((start - origin) // slots.SECOND, (end - origin) // slots.SECOND) for start, end in found] == expected
