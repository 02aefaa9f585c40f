"""What is wrong with a heartbeat, in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from century.probes.beat_wording import trouble
from century.probes.heartbeat import Beat, HeartbeatState, Ping, PingKind, Schedule, advance_beat

HOUR = timedelta(hours=1)
LAST = datetime(2026, 11, 1, 2, 0, tzinfo=UTC)
LIMIT = datetime(2026, 11, 2, 2, 30, tzinfo=UTC)
NEW, UP, RUNNING, LATE, FAILED, OVERDUE, _ = HeartbeatState
PLAIN, BOUNDED = Schedule(HOUR / 2, HOUR), Schedule(HOUR / 2, HOUR, longest_run=HOUR)


@pytest.mark.parametrize(
    ("schedule", "state", "ledger", "last", "reason", "zone", "expected"),
    [
        pytest.param(PLAIN, LATE, LATE, LAST, "", "UTC", "has not reported since 1 Nov 02:00, expected by 2 Nov 02:30 UTC", id="late"),
        pytest.param(PLAIN, UP, UP, LAST, "", "UTC", "has not reported since 1 Nov 02:00, expected by 2 Nov 02:30 UTC", id="late, and nobody noted it yet"),
        pytest.param(PLAIN, LATE, LATE, LAST, "", "Europe/Vienna", "has not reported since 1 Nov 03:00, expected by 2 Nov 03:30 (Europe/Vienna)", id="in its own zone"),
        pytest.param(PLAIN, LATE, LATE, None, "", "UTC", "has never reported, expected by 2 Nov 02:30 UTC", id="never heard of"),
        pytest.param(PLAIN, FAILED, FAILED, LAST, "it ended with exit code 3", "UTC", "failed: exit code 3", id="an exit code"),
        pytest.param(PLAIN, FAILED, FAILED, LAST, "the job said that it failed", "UTC", "failed, as it said itself", id="it said so"),
        pytest.param(PLAIN, RUNNING, FAILED, LAST, "it ended with exit code 3", "UTC", "failed: exit code 3", id="it runs again, and has not ended well"),
        pytest.param(BOUNDED, OVERDUE, OVERDUE, LAST, "", "UTC", "has been running since 1 Nov 02:00 UTC, for longer than 1 h", id="it takes too long"),
        pytest.param(BOUNDED, RUNNING, UP, LAST, "", "UTC", "has been running since 1 Nov 02:00 UTC, for longer than 1 h", id="too long, and nobody noted it yet"),
        pytest.param(PLAIN, RUNNING, UP, LAST, "", "UTC", "has not reported since 1 Nov 02:00, expected by 2 Nov 02:30 UTC", id="it runs for as long as it likes, and the next is due"),
        pytest.param(BOUNDED, LATE, LATE, LAST, "", "UTC", "has not reported since 1 Nov 02:00, expected by 2 Nov 02:30 UTC", id="late, whatever it may take"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_heartbeat(
    schedule: Schedule, state: HeartbeatState, ledger: HeartbeatState, last: datetime | None, reason: str, zone: str,
    expected: str,
) -> None:  # fmt: skip
    running = state in (RUNNING, OVERDUE)
    beat = Beat(state, LAST, ledger, last, started_at=LAST if running else None)
    assert trouble(schedule, beat, reason, LIMIT, zone) == expected


def test_the_ledger_says_what_is_read_of_it() -> None:
    _, moves = advance_beat(PLAIN, Beat(UP, LAST, UP, LAST), Ping(PingKind.FAIL, LIMIT, exit_code=3), LIMIT)
    assert trouble(PLAIN, Beat(FAILED, LIMIT, FAILED, LIMIT), moves[0].reason, LIMIT, "UTC") == "failed: exit code 3"
