"""How the ladder tells people: what it wants told, by which channels, and what became of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert

from century.access.tables import PersonRow
from century.core.ids import new_id
from century.core.journal import JournalRow
from century.core.work import Work
from century.notify import kept
from century.notify.channel import Channel, ChannelKind, default_name
from century.notify.delivery import AttemptOutcome, DeliveryState, is_away, is_failing
from century.notify.event import Event, notification_key
from century.notify.kept import channels_by_id, get_channel, list_channels
from century.notify.quiet import free_at
from century.notify.tables import AttemptRow, ChannelRow, NotificationRow
from century.rules.severity import Severity

__all__ = [
    "Channel",
    "ChannelKind",
    "DeliveryState",
    "Event",
    "Told",
    "Wanted",
    "channels_by_id",
    "channels_of_people",
    "get_channel",
    "heard",
    "list_channels",
    "notify",
    "shared_channels",
    "states",
]

TOPIC = "notify.due"
NOTIFICATION = NotificationRow.__table__
ATTEMPT = AttemptRow.__table__
CHANNEL = ChannelRow.__table__
DELIVERED = "notification.delivered"
STORED = {
    "id": "uuid", "key": "text", "alert_id": "uuid", "episode": "integer", "event": "text", "level": "integer",
    "policy_id": "uuid", "channel_id": "uuid", "person_id": "uuid", "severity": "text", "state": "text",
    "reason": "text", "due_at": "timestamptz", "created_at": "timestamptz", "ended_at": "timestamptz",
}  # fmt: skip
STORE = text(
    f"INSERT INTO notification ({', '.join(STORED)}) SELECT * FROM unnest("
    + ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in STORED.items())
    + ") ON CONFLICT (key) DO NOTHING RETURNING id"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One alert to be told to one channel, for a person where it is one who is meant. Told twice it is the same one."""

    alert_id: UUID
    episode: int
    event: Event
    level: int
    policy_id: UUID | None
    channel_id: UUID
    person_id: UUID | None
    severity: Severity
    due_at: datetime

    @property
    def key(self) -> str:
        """Its stable key."""
        return notification_key(self.alert_id, self.episode, self.event, self.level, self.channel_id, self.person_id)


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a notification. `failing`: not to be counted on, though it may still be tried again."""

    id: UUID
    alert_id: UUID
    episode: int
    event: Event
    level: int
    channel_id: UUID
    channel: str
    person_id: UUID | None
    state: DeliveryState
    reason: str | None
    failing: bool


async def notify(work: Work, wanted: Sequence[Wanted], known: Mapping[UUID, Channel] | None = None) -> int:
    """Store what is to be told and ring for it once this commits; answers how many of them are new.

    Quiet hours put off what is below critical. What no channel can take now is stored as failed, with the reason.
    `known` are channels that this transaction has read already.
    """
    if not wanted:
        return 0
    channels = dict(known or {})
    if missing := {each.channel_id for each in wanted} - channels.keys():
        channels |= await channels_by_id(work, missing)
    rows = [
        _row(work.now, each, channels[each.channel_id])
        for each in {each.key: each for each in wanted}.values()
        if each.channel_id in channels
    ]
    if not rows:
        return 0
    # Columns as arrays: one statement, whose text is the same for one row and for ten thousand.
    stored = await work.rows(STORE, {name: [each[name] for each in rows] for name in STORED})
    new = {row.id for row in stored}
    due = {
        str(each["channel_id"])
        for each in rows
        if each["id"] in new and each["state"] == DeliveryState.WAITING and each["due_at"] <= work.now
    }
    if due:
        work.announce(TOPIC, {"channels": sorted(due)})
    return len(new)


def _row(now: datetime, wanted: Wanted, channel: Channel) -> dict[str, Any]:
    problem = channel.problem
    return {
        "id": new_id(now),
        "key": wanted.key,
        "alert_id": wanted.alert_id,
        "episode": wanted.episode,
        "event": wanted.event.value,
        "level": wanted.level,
        "policy_id": wanted.policy_id,
        "channel_id": wanted.channel_id,
        "person_id": wanted.person_id,
        "severity": wanted.severity.value,
        "state": DeliveryState.FAILED.value if problem else DeliveryState.WAITING.value,
        "reason": problem,
        "due_at": free_at(channel.quiet_hours, wanted.severity, wanted.due_at),
        "created_at": now,
        "ended_at": now if problem else None,
    }


async def shared_channels(work: Work, severity: Severity) -> list[Channel]:
    """Everybody's channels that take this severity, those that are off or stopped too (see `Channel.problem`)."""
    return [each for each in await list_channels(work) if each.person_id is None and severity in each.severities]


async def channels_of_people(
    work: Work, person_ids: Collection[UUID], *, mail: bool, make: bool = True
) -> dict[UUID, list[Channel]]:
    """Each person's own ways to be reached; disabled people have none.

    Somebody without a channel is reached by their account's e-mail if `mail` can be sent (SMTP is set up): that channel
    is made now, or only answered (not `stored`) where `make` is false, as in a transaction that only reads.
    """
    people = {
        row.id: row
        for row in await work.rows(
            select(PersonRow.id, PersonRow.name).where(
                PersonRow.id.in_(list(person_ids)), PersonRow.disabled_at.is_(None)
            )
        )
    }
    found: dict[UUID, list[Channel]] = {id: [] for id in people}
    for channel in await kept.own_channels(work, people):
        assert channel.person_id is not None
        found[channel.person_id].append(channel)
    without = [person for id, person in people.items() if not found[id]] if mail else []
    for person in without:
        found[person.id] = [_mail_of(work.now, person.id, person.name)]
    if make and without:
        await _store(work, [found[person.id][0] for person in without])
        for channel in await kept.own_channels(work, [person.id for person in without]):
            assert channel.person_id is not None
            found[channel.person_id] = [channel]
    return found


def _mail_of(now: datetime, person_id: UUID, name: str) -> Channel:
    return Channel(
        id=new_id(now),
        name=default_name(name),
        kind=ChannelKind.EMAIL,
        severities=frozenset(Severity),
        created_at=now,
        updated_at=now,
        person_id=person_id,
        person_name=name,
        stored=False,
    )


async def _store(work: Work, channels: Sequence[Channel]) -> None:
    taken = {
        row.name
        for row in await work.rows(select(CHANNEL.c.name).where(CHANNEL.c.name.in_([each.name for each in channels])))
    }
    for channel in channels:
        # Somebody may have called another channel that.
        name = channel.name if channel.name not in taken else f"{channel.name} ({str(channel.id)[-6:]})"
        await work.execute(
            insert(ChannelRow)
            .values(
                id=channel.id,
                name=name,
                kind=channel.kind.value,
                enabled=True,
                severities=[each.value for each in Severity],
                person_id=channel.person_id,
                settings={},
                failures=0,
                created_at=work.now,
                updated_at=work.now,
            )
            .on_conflict_do_nothing()
        )


async def states(work: Work, alert_ids: Collection[UUID]) -> dict[UUID, list[Told]]:
    """What became of everything that was told of these alerts, in the order in which it was wanted."""
    found: dict[UUID, list[Told]] = {id: [] for id in alert_ids}
    if not found:
        return found
    tries = (
        select(
            ATTEMPT.c.delivery_id,
            func.array_agg(aggregate_order_by(ATTEMPT.c.outcome, ATTEMPT.c.number)).label("outcomes"),
        )
        .where(ATTEMPT.c.delivery_id == NOTIFICATION.c.delivery_id)
        .group_by(ATTEMPT.c.delivery_id)
        .lateral()
    )
    rows = await work.rows(
        select(
            *NOTIFICATION.c, CHANNEL.c.name.label("channel"), CHANNEL.c.open_until, CHANNEL.c.failures, tries.c.outcomes
        )
        .join(CHANNEL, CHANNEL.c.id == NOTIFICATION.c.channel_id)
        .outerjoin(tries, tries.c.delivery_id == NOTIFICATION.c.delivery_id)
        .where(NOTIFICATION.c.alert_id.in_(list(found)))
        .order_by(NOTIFICATION.c.id)
    )
    for row in rows:
        state = DeliveryState(row.state)
        outcomes = [AttemptOutcome(each) for each in row.outcomes or ()]
        found[row.alert_id].append(
            Told(
                id=row.id,
                alert_id=row.alert_id,
                episode=row.episode,
                event=Event(row.event),
                level=row.level,
                channel_id=row.channel_id,
                channel=row.channel,
                person_id=row.person_id,
                state=state,
                reason=row.reason,
                failing=is_failing(state, outcomes, circuit_open=is_away(row.failures, row.open_until, work.now)),
            )
        )
    return found


async def heard(work: Work, alert_ids: Collection[UUID]) -> dict[UUID, list[tuple[int, datetime]]]:
    """At which level and when somebody was told that these alerts fire, by channels that are no more too.

    A channel takes its messages with it; the timeline still tells of those that arrived.
    """
    found: dict[UUID, list[tuple[int, datetime]]] = {id: [] for id in alert_ids}
    rows = await work.rows(
        select(JournalRow.subject_id, JournalRow.at, JournalRow.details["level"].as_integer().label("level")).where(
            JournalRow.subject_id.in_(list(found)),
            JournalRow.kind == DELIVERED,
            JournalRow.details["event"].as_string() == Event.FIRING.value,
        )
    )
    for row in rows:
        found[row.subject_id].append((row.level, row.at))
    return found
