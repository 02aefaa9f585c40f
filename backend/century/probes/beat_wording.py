"""What is wrong with a heartbeat, in words that follow its name."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from century.core.wording import duration
from century.probes.heartbeat import ENDED_WITH, Beat, HeartbeatState, Schedule


def trouble(schedule: Schedule, beat: Beat, reason: str, limit: datetime, time_zone: str) -> str:
    """As in "failed: exit code 3" or "has not reported since 1 Nov 02:00, expected by 2 Nov 02:30 UTC".

    `reason` is its ledger's; `limit` is when it should have been heard of, or been over, at the latest.
    """
    zone = ZoneInfo(time_zone)
    running = beat.state in (HeartbeatState.RUNNING, HeartbeatState.OVERDUE)
    if beat.ledger is HeartbeatState.FAILED:
        code = reason.removeprefix(ENDED_WITH)
        return f"failed: {code}" if code != reason else "failed, as it said itself"
    if running and schedule.longest_run is not None:
        began = "" if beat.started_at is None else f" since {_when(beat.started_at, zone)} {_name(zone)}"
        return f"has been running{began}, for longer than {duration(schedule.longest_run)}"
    by = f"expected by {_when(limit, zone)} {_name(zone)}"
    if beat.last_ping_at is None:
        return f"has never reported, {by}"
    return f"has not reported since {_when(beat.last_ping_at, zone)}, {by}"


def _when(at: datetime, zone: ZoneInfo) -> str:
    there = at.astimezone(zone)
    return f"{there.day} {there:%b %H:%M}"


def _name(zone: ZoneInfo) -> str:
    return "UTC" if zone.key in ("UTC", "Etc/UTC") else f"({zone.key})"
