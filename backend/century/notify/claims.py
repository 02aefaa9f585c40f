"""Claiming: what is due for a channel becomes one message on its way, stored before the wire is touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, case, exists, func, insert, or_, select, text, update

from century.access.tables import PersonRow
from century.alerts.alert import Alert
from century.alerts.service import alerts_by_id, holds
from century.core.actor import Permission, Role, permissions_of
from century.core.ids import new_id
from century.core.work import Work
from century.notify import kept, results
from century.notify.channel import Channel, ChannelKind
from century.notify.channels import kind_of
from century.notify.claim import Drop, Go, Wait, decide
from century.notify.delivery import LEASE, MOST_CLAIMS, AttemptOutcome, DeliveryState
from century.notify.event import Event, delivery_key
from century.notify.parcel import Nothing, Parcel
from century.notify.tables import AttemptRow, ChannelRow, DeliveryRow, NotificationRow
from century.rules.severity import Severity

NOTIFICATION = NotificationRow.__table__
DELIVERY = DeliveryRow.__table__
MOST_TOGETHER = 500
SENDING = DeliveryState.SENDING.value
WAITING = DeliveryState.WAITING.value

# One trip: the message, its first try, and the notifications that are in it.
BEGIN = text(
    """
    WITH begun AS (
        INSERT INTO delivery (id, key, channel_id, event, level, state, due_at, first_due_at, claims, fence, owner,
                              leased_until, created_at)
        VALUES (:id, :key, :channel, :event, :level, 'sending', :due_at, :due_at, 1, 1, :owner, :leased_until, :now)
    ), tried AS (
        INSERT INTO attempt (delivery_id, number, at, outcome, detail) VALUES (:id, 1, :now, 'sending', '')
    )
    UPDATE notification SET delivery_id = :id, state = 'sending' WHERE id = ANY(:notifications)
    """
).bindparams(
    bindparam("notifications", type_=ARRAY(Uuid())),
    *(bindparam(name, type_=Uuid()) for name in ("id", "channel")),
    *(bindparam(name, type_=DELIVERY.c.due_at.type) for name in ("due_at", "leased_until", "now")),
)


async def due_channels(work: Work) -> set[UUID]:
    """Every channel with something due, or with a message whose sender has not been heard of."""
    waiting = select(NOTIFICATION.c.channel_id).where(
        NOTIFICATION.c.delivery_id.is_(None), NOTIFICATION.c.state == WAITING, NOTIFICATION.c.due_at <= work.now
    )
    begun = select(DELIVERY.c.channel_id).where(_is_due(work.now))
    return {row[0] for row in await work.rows(waiting.union(begun))}


def _is_due(now: datetime) -> Any:
    return or_(
        (DELIVERY.c.state == WAITING) & (DELIVERY.c.due_at <= now),
        (DELIVERY.c.state == SENDING) & (DELIVERY.c.leased_until <= now),
    )


async def claim(work: Work, channel_id: UUID, owner: str) -> Parcel | Nothing:
    """Take what is due for a channel; what is begun commits with this transaction, and only then may be sent."""
    row = await work.one_or_none(
        select(
            *kept.CHANNEL.c,
            *(getattr(PersonRow, name).label(f"person_{name}") for name in ("name", "email", "role", "disabled_at")),
            exists().where(DELIVERY.c.channel_id == kept.CHANNEL.c.id, _is_due(work.now)).label("begun"),
        )
        .outerjoin(PersonRow, PersonRow.id == kept.CHANNEL.c.person_id)
        .where(kept.CHANNEL.c.id == channel_id)
    )
    if row is None:
        return Nothing()
    channel = kept.of_row(row)
    problem = channel.problem or (f"{row.person_name} is disabled" if row.person_disabled_at else None)
    if problem is not None:
        await results.put_away(work, channel, problem)
        return Nothing()
    if channel.open_until is not None and (channel.open_until > work.now or not await _try_once(work, channel)):
        await results.mark_waiting(work, channel)
        return Nothing()
    taken = (await _again(work, channel, owner) if row.begun else None) or await _new(work, channel, owner)
    if isinstance(taken, Parcel):
        role = Role(row.person_role) if row.person_role else Role.OPERATOR
        return replace(
            taken,
            sealed=row.secrets,
            email=row.person_email,
            admins=await kept.admins(work) if channel.kind is ChannelKind.EMAIL else (),
            may_acknowledge=Permission.OPERATE in permissions_of(role),
        )
    if channel.open_until is not None:
        # Nothing to try it with after all.
        await work.execute(update(ChannelRow).where(ChannelRow.id == channel.id).values(open_until=channel.open_until))
    return taken


async def _try_once(work: Work, channel: Channel) -> bool:
    """Whether it is this transaction that tries a channel again whose circuit is open; the others wait for it."""
    taken = await work.execute(
        update(ChannelRow)
        .where(ChannelRow.id == channel.id, ChannelRow.open_until == channel.open_until)
        .values(open_until=work.now + 2 * LEASE)
    )
    return taken.rowcount == 1


async def _again(work: Work, channel: Channel, owner: str) -> Parcel | Nothing | None:
    """A message that was begun before: it goes again under its key."""
    delivery = await work.one_or_none(
        select(DELIVERY)
        .where(DELIVERY.c.channel_id == channel.id, _is_due(work.now))
        .order_by(DELIVERY.c.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if delivery is None:
        return None
    await work.execute(
        update(AttemptRow)
        .where(AttemptRow.delivery_id == delivery.id, AttemptRow.outcome == AttemptOutcome.SENDING.value)
        .values(outcome=AttemptOutcome.UNKNOWN.value, ended_at=work.now, detail="the sender was not heard of again")
    )
    rows = await work.rows(
        select(NOTIFICATION)
        .where(NOTIFICATION.c.delivery_id == delivery.id, NOTIFICATION.c.state.in_((WAITING, SENDING)))
        .order_by(NOTIFICATION.c.id)
        .with_for_update()
    )
    if delivery.claims >= MOST_CLAIMS:
        await results.set_aside(work, delivery.id, channel, [row.alert_id for row in rows])
        return Nothing(again=True)
    going, waiting = await _sort(work, channel, Event(delivery.event), rows)
    event = Event(delivery.event)
    if not going and event is not Event.NOTICE:
        await _leave(work, delivery, waiting)
        return Nothing(again=True)
    if waiting:
        # They go by themselves later; each still carries a key of its own.
        await _put_off(work, waiting, detach=True)
    fence = delivery.fence + 1
    await work.execute(
        update(DeliveryRow)
        .where(DeliveryRow.id == delivery.id)
        .values(
            state=SENDING, reason=delivery.reason if event is Event.NOTICE else None, fence=fence,
            claims=delivery.claims + 1, owner=owner, leased_until=work.now + LEASE,
        )
    )  # fmt: skip
    await work.execute(
        insert(AttemptRow).values(
            delivery_id=delivery.id, number=fence, at=work.now, outcome=AttemptOutcome.SENDING.value, detail=""
        )
    )
    await work.execute(
        update(NotificationRow)
        .where(NotificationRow.id.in_([row.id for row, _ in going]))
        .values(state=SENDING, reason=None)
    )
    return _parcel(work, channel, delivery.id, delivery, fence, going, failed=await _failed(work, delivery.id))


async def _new(work: Work, channel: Channel, owner: str) -> Parcel | Nothing:
    """A new message of the notifications that are due together for one level, policy and event."""
    kind = kind_of(channel.kind)
    # Looked up once: as a condition of each row it took seconds in a storm.
    on_its_way = (
        select(NOTIFICATION.c.alert_id)
        .join(DELIVERY, DELIVERY.c.id == NOTIFICATION.c.delivery_id)
        .where(DELIVERY.c.channel_id == channel.id, DELIVERY.c.state == SENDING)
    )
    rows = await work.rows(
        select(NOTIFICATION)
        .where(
            NOTIFICATION.c.channel_id == channel.id,
            NOTIFICATION.c.delivery_id.is_(None),
            NOTIFICATION.c.state == WAITING,
            NOTIFICATION.c.due_at <= work.now,
            # What is on its way about an alert arrives before what comes after it.
            NOTIFICATION.c.alert_id.not_in(on_its_way),
        )
        .order_by(case((NOTIFICATION.c.severity == Severity.CRITICAL.value, 0), else_=1), NOTIFICATION.c.due_at, NOTIFICATION.c.id)
        .limit(MOST_TOGETHER)
        .with_for_update(skip_locked=True)
    )  # fmt: skip
    if not rows:
        return Nothing()
    first = rows[0]
    together = [row for row in rows if _group(row) == _group(first)] if kind.GROUPS else [first]
    going, waiting = await _sort(work, channel, Event(first.event), together)
    await _put_off(work, waiting)
    if not going:
        return Nothing(again=True)
    delivery_id = new_id(work.now)
    key = delivery_key(row.key for row, _ in going)
    due_at = min(row.due_at for row, _ in going)
    await work.execute(
        BEGIN,
        {
            "id": delivery_id, "key": key, "channel": channel.id, "event": first.event, "level": first.level,
            "due_at": due_at, "owner": owner, "leased_until": work.now + LEASE, "now": work.now,
            "notifications": [row.id for row, _ in going],
        },
    )  # fmt: skip
    made = Parcel(
        delivery_id, key, Event(first.event), first.level, 1, due_at, work.now, channel, None, None, True,
        tuple((row.key, alert) for row, alert in going), more=len(rows) > len(together) or len(rows) == MOST_TOGETHER,
    )  # fmt: skip
    return made


def _group(row: Row[Any]) -> tuple[Any, ...]:
    return row.level, row.policy_id, row.event, row.person_id


async def _sort(
    work: Work, channel: Channel, event: Event, rows: Sequence[Row[Any]]
) -> tuple[list[tuple[Row[Any], Alert]], list[tuple[Row[Any], Wait]]]:
    """Look at the alerts again, locked: an acknowledgement that committed is seen, a later one waits for us.

    Answers what goes and what waits; what is dropped is stored here.
    """
    ids = {row.alert_id for row in rows}
    alerts = await alerts_by_id(work, ids, lock="share")
    held = await holds(work, list(alerts.values())) if event is Event.FIRING else {}
    heard = await _heard(work, channel, ids) if event in (Event.ACKNOWLEDGED, Event.RESOLVED) else ids
    going: list[tuple[Row[Any], Alert]] = []
    waiting: list[tuple[Row[Any], Wait]] = []
    dropped: dict[str, list[UUID]] = {}
    for row in rows:
        alert = alerts.get(row.alert_id)
        decided = decide(event, row.episode, alert, held.get(row.alert_id), work.now, heard=row.alert_id in heard)
        match decided:
            case Go():
                assert alert is not None
                going.append((row, alert))
            case Wait():
                waiting.append((row, decided))
            case Drop(reason=reason):
                dropped.setdefault(reason, []).append(row.id)
    for reason, these in dropped.items():
        await work.execute(
            update(NotificationRow)
            .where(NotificationRow.id.in_(these))
            .values(state=DeliveryState.DROPPED.value, reason=reason, ended_at=work.now)
        )
    return going, waiting


async def _heard(work: Work, channel: Channel, alert_ids: set[UUID]) -> set[UUID]:
    rows = await work.rows(
        select(NOTIFICATION.c.alert_id)
        .distinct()
        .where(
            NOTIFICATION.c.channel_id == channel.id,
            NOTIFICATION.c.alert_id.in_(list(alert_ids)),
            NOTIFICATION.c.event == Event.FIRING.value,
            NOTIFICATION.c.delivery_id.is_not(None),
        )
    )
    return {row.alert_id for row in rows}


async def _put_off(work: Work, waiting: Sequence[tuple[Row[Any], Wait]], *, detach: bool = False) -> None:
    for row, wait in waiting:
        values: dict[str, Any] = {"state": WAITING, "due_at": wait.until, "reason": wait.reason}
        if detach:
            values["delivery_id"] = None
        await work.execute(update(NotificationRow).where(NotificationRow.id == row.id).values(**values))


async def _leave(work: Work, delivery: Row[Any], waiting: Sequence[tuple[Row[Any], Wait]]) -> None:
    """Nothing of a message goes now: it waits as a whole under its key, or is dropped."""
    if not waiting:
        values: dict[str, Any] = {"state": DeliveryState.DROPPED.value, "ended_at": work.now}
    else:
        await _put_off(work, waiting)
        values = {"state": WAITING, "due_at": min(wait.until for _, wait in waiting), "reason": waiting[0][1].reason}
    await work.execute(
        update(DeliveryRow).where(DeliveryRow.id == delivery.id).values(**values, owner=None, leased_until=None)
    )


async def _failed(work: Work, delivery_id: UUID) -> int:
    """How many tries have failed."""
    row = await work.one_or_none(
        select(func.count())
        .select_from(AttemptRow)
        .where(AttemptRow.delivery_id == delivery_id, AttemptRow.outcome != AttemptOutcome.SENDING.value)
    )
    return int(row[0]) if row else 0


def _parcel(
    work: Work, channel: Channel, delivery_id: UUID, delivery: Row[Any], fence: int,
    going: Sequence[tuple[Row[Any], Alert]], *, failed: int,
) -> Parcel:  # fmt: skip
    event = Event(delivery.event)
    return Parcel(
        delivery_id, delivery.key, event, delivery.level, fence, delivery.first_due_at, work.now, channel, None, None,
        True, tuple((row.key, alert) for row, alert in going),
        notice=delivery.reason if event is Event.NOTICE else None, failed=failed, more=True,
    )  # fmt: skip


async def renew(work: Work, owner: str, deliveries: Sequence[UUID]) -> None:
    """Say that these are still being sent."""
    await work.execute(
        update(DeliveryRow)
        .where(DeliveryRow.id.in_(list(deliveries)), DeliveryRow.owner == owner, DeliveryRow.state == SENDING)
        .values(leased_until=work.now + LEASE)
    )
