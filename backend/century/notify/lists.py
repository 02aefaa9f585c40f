"""What was told and what became of it, for the API."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, true, tuple_

from century.access.tables import PersonRow
from century.core.errors import Invalid
from century.core.graphql.pages import Page, check_first, decode_cursor
from century.core.work import Work
from century.notify.delivery import OPEN, AttemptOutcome, DeliveryState
from century.notify.event import Event
from century.notify.tables import AttemptRow, ChannelRow, DeliveryRow, NotificationRow

NOTIFICATION = NotificationRow.__table__
DELIVERY = DeliveryRow.__table__
ATTEMPT = AttemptRow.__table__
CHANNEL = ChannelRow.__table__


@dataclass(frozen=True, slots=True)
class Notification:
    """An alert told to a channel at a level."""

    id: UUID
    alert_id: UUID
    channel_id: UUID
    person_id: UUID | None
    person: str | None
    delivery_id: UUID | None
    event: Event
    level: int
    episode: int
    state: DeliveryState
    reason: str | None
    due_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try."""

    number: int
    at: datetime
    ended_at: datetime | None
    outcome: AttemptOutcome
    detail: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to a channel."""

    id: UUID
    state: DeliveryState
    level: int
    due_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Last:
    """How a channel fared last."""

    at: datetime
    state: DeliveryState
    detail: str


async def of_alerts(work: Work, alert_ids: Collection[UUID]) -> dict[UUID, list[Notification]]:
    """What was told of these alerts, in the order in which it was wanted."""
    rows = await work.rows(
        select(*NOTIFICATION.c, PersonRow.name.label("person"))
        .outerjoin(PersonRow, PersonRow.id == NOTIFICATION.c.person_id)
        .where(NOTIFICATION.c.alert_id.in_(list(alert_ids)))
        .order_by(NOTIFICATION.c.created_at, NOTIFICATION.c.level, NOTIFICATION.c.id)
    )
    found: dict[UUID, list[Notification]] = {id: [] for id in alert_ids}
    for row in rows:
        found[row.alert_id].append(
            Notification(
                row.id, row.alert_id, row.channel_id, row.person_id, row.person, row.delivery_id, Event(row.event), row.level,
                row.episode, DeliveryState(row.state), row.reason, row.due_at, row.created_at,
            )
        )  # fmt: skip
    return found


async def attempts(work: Work, delivery_ids: Collection[UUID]) -> dict[UUID, list[Attempt]]:
    """The tries of these messages, in order."""
    rows = await work.rows(
        select(ATTEMPT).where(ATTEMPT.c.delivery_id.in_(list(delivery_ids))).order_by(ATTEMPT.c.number)
    )
    found: dict[UUID, list[Attempt]] = {id: [] for id in delivery_ids}
    for row in rows:
        found[row.delivery_id].append(
            Attempt(row.number, row.at, row.ended_at, AttemptOutcome(row.outcome), row.detail)
        )
    return found


async def alerts_of(work: Work, delivery_ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """The alerts that these messages tell of."""
    rows = await work.rows(
        select(NOTIFICATION.c.delivery_id, NOTIFICATION.c.alert_id)
        .where(NOTIFICATION.c.delivery_id.in_(list(delivery_ids)))
        .order_by(NOTIFICATION.c.id)
    )
    found: dict[UUID, list[UUID]] = {id: [] for id in delivery_ids}
    for row in rows:
        found[row.delivery_id].append(row.alert_id)
    return found


async def deliveries(work: Work, channel_id: UUID, first: int, after: str | None) -> tuple[Page[Delivery], int]:
    """The messages of a channel, the newest first, and how many there are."""
    statement = select(DELIVERY).where(DELIVERY.c.channel_id == channel_id)
    if after is not None:
        try:
            at, last = decode_cursor(after)
            before = (datetime.fromisoformat(str(at)), UUID(str(last)))
            if before[0].tzinfo is None:
                raise ValueError("no instant")
        except (ValueError, TypeError):
            raise Invalid("after is not a cursor of this list", field="after") from None
        statement = statement.where(tuple_(DELIVERY.c.created_at, DELIVERY.c.id) < before)
    rows = await work.rows(
        statement.order_by(DELIVERY.c.created_at.desc(), DELIVERY.c.id.desc()).limit(check_first(first) + 1)
    )
    found = [Delivery(row.id, DeliveryState(row.state), row.level, row.due_at, row.created_at) for row in rows]
    total = await work.rows(select(func.count()).select_from(DeliveryRow).where(DeliveryRow.channel_id == channel_id))
    return Page.cut(found, first, lambda each: (each.created_at.isoformat(), str(each.id))), int(total[0][0])


async def waiting(work: Work, channel_ids: Collection[UUID]) -> dict[UUID, int]:
    """How much waits for each of these channels."""
    rows = await work.rows(
        select(NOTIFICATION.c.channel_id, func.count().label("waiting"))
        .where(
            NOTIFICATION.c.channel_id.in_(list(channel_ids)), NOTIFICATION.c.state.in_([each.value for each in OPEN])
        )
        .group_by(NOTIFICATION.c.channel_id)
    )
    return {row.channel_id: int(row.waiting) for row in rows}


async def last(work: Work, channel_ids: Sequence[UUID]) -> dict[UUID, Last]:
    """The newest message of each of these channels, with what its newest try was told."""
    newest = (
        select(DELIVERY.c.id, DELIVERY.c.state, DELIVERY.c.reason, DELIVERY.c.created_at)
        .where(DELIVERY.c.channel_id == CHANNEL.c.id)
        .order_by(DELIVERY.c.created_at.desc())
        .limit(1)
        .lateral()
    )
    tried = (
        select(ATTEMPT.c.detail, ATTEMPT.c.at)
        .where(ATTEMPT.c.delivery_id == newest.c.id)
        .order_by(ATTEMPT.c.number.desc())
        .limit(1)
        .lateral()
    )
    rows = await work.rows(
        select(CHANNEL.c.id, newest.c.state, newest.c.reason, newest.c.created_at, tried.c.detail, tried.c.at)
        .select_from(CHANNEL.join(newest, true()).outerjoin(tried, true()))
        .where(CHANNEL.c.id.in_(list(channel_ids)))
    )
    return {
        row.id: Last(row.at or row.created_at, DeliveryState(row.state), row.detail or row.reason or "") for row in rows
    }
