"""What alerts know of probes and heartbeats, in the schema."""

from datetime import timedelta
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from century.alerts import lists, maintained
from century.alerts.graphql.types import Alert, OpenAlerts
from century.core.graphql import Info, TimeRangeInput, extends, field, loaded
from century.core.timerange import TimeRange
from century.core.work import Work
from century.probes import beat_kept, kept
from century.probes.graphql.heartbeats import Heartbeat
from century.probes.graphql.types import Probe
from century.probes.heartbeat import Heartbeat as TheHeartbeat
from century.probes.probe import Probe as TheProbe
from century.rules.outside_subjects import HEARTBEAT, PROBE
from century.rules.severity import Severity

LENGTHS = (timedelta(hours=1), timedelta(days=1), timedelta(days=7), timedelta(days=30))
UPTIME = (
    "The share of the time known that it was up; maintenance, and when nobody could know, are left out. Null where nothing "
    "is known."
)
Asked = tuple[UUID, tuple[TimeRange, ...]]


@strawberry.type(description="How long it was up in the last hour, day, 7 and 30 days.")
class Uptimes:
    hour: float | None
    day: float | None
    week: float | None
    month: float | None


@extends(Probe)
class ProbeAlerts:
    @field(description=UPTIME)
    async def uptime(self, info: Info, root: strawberry.Parent[Probe], range: TimeRangeInput) -> float | None:
        [said] = await _of_probes(info).load((root.probe.id, (range.resolve(info.context.works.clock.now()),)))
        return said

    @field()
    async def uptimes(self, info: Info, root: strawberry.Parent[Probe]) -> Uptimes:
        now = info.context.works.clock.now()
        ranges = tuple(TimeRange(now - length, now) for length in LENGTHS)
        hour, day, week, month = await _of_probes(info).load((root.probe.id, ranges))
        return Uptimes(hour=hour, day=day, week=week, month=month)

    @field()
    async def open_alerts(self, info: Info, root: strawberry.Parent[Probe]) -> OpenAlerts:
        return OpenAlerts.of(await _open(info, PROBE).load(root.name))


@extends(Heartbeat)
class HeartbeatAlerts:
    @field(description=UPTIME)
    async def uptime(self, info: Info, root: strawberry.Parent[Heartbeat], range: TimeRangeInput) -> float | None:
        [said] = await _of_heartbeats(info).load((root.heartbeat.id, (range.resolve(info.context.works.clock.now()),)))
        return said

    @field()
    async def open_alerts(self, info: Info, root: strawberry.Parent[Heartbeat]) -> OpenAlerts:
        return OpenAlerts.of(await _open(info, HEARTBEAT).load(root.name))


@extends(Alert)
class AlertOutside:
    @field(description="The probe that it is about, as it is now; null for others, and once it was removed.")
    async def probe(self, info: Info, root: strawberry.Parent[Alert]) -> Probe | None:
        async def load(work: Work, asked: list[str]) -> list[TheProbe | None]:
            found = await kept.by_names(work, set(asked))
            return [found.get(each) for each in asked]

        name = dict(root.known.attributes).get(PROBE)
        found = await loaded(info, "probes of alerts", load).load(name) if name else None
        return Probe.of(found) if found is not None else None

    @field(description="The heartbeat that it is about, as it is now; null for others, and once it was removed.")
    async def heartbeat(self, info: Info, root: strawberry.Parent[Alert]) -> Heartbeat | None:
        async def load(work: Work, asked: list[str]) -> list[TheHeartbeat | None]:
            known = await beat_kept.heartbeats(work, beat_kept.HEARTBEAT.c.name.in_(set(asked)))
            found = {each.name: each for each in known}
            return [found.get(each) for each in asked]

        name = dict(root.known.attributes).get(HEARTBEAT)
        found = await loaded(info, "heartbeats of alerts", load).load(name) if name else None
        return Heartbeat.of(found) if found is not None else None


def _of_probes(info: Info) -> "DataLoader[Asked, list[float | None]]":
    async def load(work: Work, asked: list[Asked]) -> list[list[float | None]]:
        return await _together(work, asked, heartbeats=False)

    return loaded(info, "uptimes of probes", load)


def _of_heartbeats(info: Info) -> "DataLoader[Asked, list[float | None]]":
    async def load(work: Work, asked: list[Asked]) -> list[list[float | None]]:
        return await _together(work, asked, heartbeats=True)

    return loaded(info, "uptimes of heartbeats", load)


async def _together(work: Work, asked: list[Asked], *, heartbeats: bool) -> list[list[float | None]]:
    """All of the same ranges at once: usually there is one set of them."""
    read = maintained.uptimes_of_heartbeats if heartbeats else maintained.uptimes_of_probes
    found: dict[Asked, list[float | None]] = {}
    for ranges in dict.fromkeys(ranges for _, ranges in asked):
        mine = await read(work, {number for number, also in asked if also == ranges}, ranges)
        found |= {(number, ranges): said for number, said in mine.items()}
    return [found.get(each, [None] * len(each[1])) for each in asked]


def _open(info: Info, key: str) -> "DataLoader[str, dict[Severity, int]]":
    async def load(work: Work, asked: list[str]) -> list[dict[Severity, int]]:
        found = await lists.open_by_attribute(work, key, set(asked))
        return [found.get(each, {}) for each in asked]

    return loaded(info, f"open alerts by {key}", load)
