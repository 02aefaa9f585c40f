"""What became of a try: stored by whoever still holds the message, told on the timelines, and followed up."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import and_, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from century.access.tables import PersonRow
from century.alerts.service import look
from century.core.actor import Role
from century.core.ids import new_id
from century.core.work import Work
from century.notify import service
from century.notify.channel import Channel
from century.notify.delivery import (
    FAILING_TRIES,
    AttemptOutcome,
    DeliveryState,
    GiveUp,
    after_failure,
    circuit,
    is_away,
)
from century.notify.event import Event
from century.notify.parcel import Parcel
from century.notify.tables import AttemptRow, ChannelRow, DeliveryRow, NotificationRow
from century.notify.wire import Permanent, Receipt, Temporary

NOTIFICATION = NotificationRow.__table__
OPEN = (DeliveryState.WAITING.value, DeliveryState.SENDING.value)
SAID = {Event.FIRING: "Told", Event.ACKNOWLEDGED: "Told of the acknowledgement:", Event.RESOLVED: "Told of the end:"}


async def delivered(work: Work, parcel: Parcel, owner: str, receipt: Receipt) -> bool:
    """It was taken. False if it is no longer ours to say so."""
    if not await _end(work, parcel, owner, DeliveryState.DELIVERED, None):
        return False
    await _note(work, parcel, AttemptOutcome.DELIVERED, receipt.detail)
    await _notifications(work, parcel, DeliveryState.DELIVERED, None)
    if parcel.channel.failures or parcel.channel.open_until is not None:
        await work.execute(
            update(ChannelRow).where(ChannelRow.id == parcel.channel.id).values(failures=0, open_until=None)
        )
        # It answers again: what waited for that need not wait any longer. What is held says why.
        await work.execute(
            update(DeliveryRow)
            .where(
                DeliveryRow.channel_id == parcel.channel.id,
                DeliveryRow.state == DeliveryState.WAITING.value,
                DeliveryRow.reason.is_(None),
            )
            .values(due_at=work.now)
        )
    for _, alert in parcel.alerts:
        said = f"{SAID[parcel.event]} '{parcel.channel.name}', level {parcel.level}: {receipt.detail}"
        work.record("notification.delivered", alert.id, **_details(parcel, said))
    return True


async def failed(
    work: Work,
    parcel: Parcel,
    owner: str,
    error: Temporary | Permanent,
    *,
    spread: float,
    mail: bool,
    counted: bool = False,
) -> bool:
    """It was not taken: it waits for its next try, or is over. `counted`: the fault is ours, and so is the count.

    `mail`: mail can be sent, so that admins without a channel of their own hear of one that stops.

    False if the message is no longer ours to say so.
    """
    tries = parcel.failed + 1
    if isinstance(error, Permanent):
        return await _refused(work, parcel, owner, error, mail)
    following = after_failure(tries, parcel.first_due_at, work.now, spread=spread, retry_after=error.retry_after)
    if isinstance(following, GiveUp):
        return await _refused(work, parcel, owner, Permanent(f"{following.reason}; last: {error.detail}"), mail)
    values: dict[str, Any] = {"due_at": following.at} | ({} if counted else {"claims": 0})
    if not await _end(work, parcel, owner, DeliveryState.WAITING, None, **values):
        return False
    outcome = AttemptOutcome.UNKNOWN if error.unknown else AttemptOutcome.TEMPORARY
    await _note(work, parcel, outcome, error.detail)
    await _notifications(work, parcel, DeliveryState.WAITING, None)
    if tries == 1:
        for _, alert in parcel.alerts:
            said = f"'{parcel.channel.name}' could not be told, and is tried again: {error.detail}"
            work.record("notification.failed", alert.id, outcome="failed", **_details(parcel, said))
    await _count_failure(work, parcel, error)
    if tries >= FAILING_TRIES:
        await fall_over(work, [alert.id for _, alert in parcel.alerts])
    return True


async def _count_failure(work: Work, parcel: Parcel, error: Temporary) -> None:
    """One more in a row: after some the channel is left alone for a while, and all that waits for it fails with it."""
    counted = await work.rows(
        update(ChannelRow)
        .where(ChannelRow.id == parcel.channel.id)
        .values(failures=ChannelRow.failures + 1)
        .returning(ChannelRow.failures)
    )
    failures = int(counted[0].failures) if counted else 0
    until = circuit(failures, work.now)
    if error.retry_after:
        # What one message was asked to wait for holds for the next one too.
        asked = after_failure(1, work.now, work.now, spread=0.5, retry_after=error.retry_after)
        until = max(until or work.now, work.now if isinstance(asked, GiveUp) else asked.at)
    await work.execute(update(ChannelRow).where(ChannelRow.id == parcel.channel.id).values(open_until=until))
    if is_away(failures, until, work.now):
        rows = await work.rows(
            select(NOTIFICATION.c.alert_id)
            .distinct()
            .where(
                NOTIFICATION.c.channel_id == parcel.channel.id,
                NOTIFICATION.c.state.in_(OPEN),
                NOTIFICATION.c.event == Event.FIRING.value,
            )
        )
        await fall_over(work, [row.alert_id for row in rows])


async def _refused(work: Work, parcel: Parcel, owner: str, error: Permanent, mail: bool) -> bool:
    if not await _end(work, parcel, owner, DeliveryState.FAILED, error.detail):
        return False
    await _note(work, parcel, AttemptOutcome.REFUSED, error.detail)
    await _notifications(work, parcel, DeliveryState.FAILED, error.detail)
    for _, alert in parcel.alerts:
        said = f"'{parcel.channel.name}' could not be told: {error.detail}"
        work.record("notification.failed", alert.id, outcome="failed", **_details(parcel, said))
    if error.stops:
        await stop(work, parcel.channel, error.detail, mail=mail)
    elif parcel.channel.failures or parcel.channel.open_until is not None:
        # It answers, if not as one would wish.
        await work.execute(
            update(ChannelRow).where(ChannelRow.id == parcel.channel.id).values(failures=0, open_until=None)
        )
    await fall_over(work, [alert.id for _, alert in parcel.alerts])
    return True


async def set_aside(work: Work, delivery_id: UUID, channel: Channel, alert_ids: Sequence[UUID]) -> None:
    """It was begun five times and never came to an end: nobody tries it again."""
    reason = "it was begun five times, and its sender was not heard of again"
    values = {"state": DeliveryState.SET_ASIDE.value, "reason": reason, "ended_at": work.now}
    await work.execute(
        update(DeliveryRow).where(DeliveryRow.id == delivery_id).values(**values, owner=None, leased_until=None)
    )
    await work.execute(
        update(NotificationRow)
        .where(NotificationRow.delivery_id == delivery_id, NotificationRow.state.in_(OPEN))
        .values(**values)
    )
    for alert_id in alert_ids:
        work.record(
            "notification.failed", alert_id, outcome="failed", channel=channel.name,
            message=f"The message for '{channel.name}' is set aside: {reason}",
        )  # fmt: skip
    await fall_over(work, alert_ids)


async def stop(work: Work, channel: Channel, reason: str, *, mail: bool) -> None:
    """Refused for good: nothing goes this way until somebody resumes it. The admins are told, once."""
    stopped = await work.execute(
        update(ChannelRow)
        .where(ChannelRow.id == channel.id, ChannelRow.stopped_at.is_(None))
        .values(stopped_at=work.now, stopped_reason=reason, open_until=None)
    )
    if stopped.rowcount == 0:
        return
    said = f"The channel '{channel.name}' is stopped, it was refused for good: {reason}"
    work.record("channel.stopped", channel.id, subject_name=channel.name, outcome="failed", message=said)
    await put_away(work, channel, f"the channel '{channel.name}' is stopped: {reason}")
    await _tell_admins(work, channel, said, mail)


async def _tell_admins(work: Work, channel: Channel, said: str, mail: bool) -> None:
    admins = await work.rows(
        select(PersonRow.id).where(PersonRow.role == Role.ADMIN.value, PersonRow.disabled_at.is_(None))
    )
    ways = await service.channels_of_people(work, [row.id for row in admins], mail=mail)
    told = [way for each in ways.values() for way in each if way.problem is None and way.id != channel.id]
    for way in told:
        await work.execute(
            insert(DeliveryRow)
            .values(
                id=new_id(work.now), key=f"msg_stopped-{channel.id}-{way.id}-{int(work.now.timestamp())}",
                channel_id=way.id, event=Event.NOTICE.value, level=0, state=DeliveryState.WAITING.value, reason=said,
                due_at=work.now, first_due_at=work.now, claims=0, fence=0, created_at=work.now,
            )
            .on_conflict_do_nothing()
        )  # fmt: skip
    if told:
        work.announce(service.TOPIC, {"channels": [str(way.id) for way in told]})


async def put_away(work: Work, channel: Channel, problem: str) -> None:
    """Nothing can go this way: what waits for it fails now, with the reason."""
    values = {"state": DeliveryState.FAILED.value, "reason": problem, "ended_at": work.now}
    over = or_(
        DeliveryRow.state == DeliveryState.WAITING.value,
        # Its sender was not heard of again, and nobody takes it up.
        and_(DeliveryRow.state == DeliveryState.SENDING.value, DeliveryRow.leased_until <= work.now),
    )
    begun = select(DeliveryRow.id).where(DeliveryRow.channel_id == channel.id, over)
    gone = await work.rows(
        update(NotificationRow)
        .where(
            NotificationRow.channel_id == channel.id,
            NotificationRow.state.in_(OPEN),
            or_(NotificationRow.delivery_id.is_(None), NotificationRow.delivery_id.in_(begun)),
        )
        .values(**values)
        .returning(NotificationRow.alert_id)
        .execution_options(synchronize_session=False)
    )
    alert_ids = {row.alert_id for row in gone}
    await work.execute(
        update(DeliveryRow)
        .where(DeliveryRow.channel_id == channel.id, over)
        .values(**values, owner=None, leased_until=None)
        .execution_options(synchronize_session=False)
    )
    await fall_over(work, alert_ids)


async def mark_waiting(work: Work, channel: Channel) -> None:
    """What became due while the channel is left alone: said once, so that another way is found if this is the only one."""
    if not is_away(channel.failures, channel.open_until, work.now):
        return
    marked = await work.rows(
        update(NotificationRow)
        .where(
            NotificationRow.channel_id == channel.id,
            NotificationRow.state == DeliveryState.WAITING.value,
            NotificationRow.delivery_id.is_(None),
            NotificationRow.reason.is_(None),
            NotificationRow.due_at <= work.now,
        )
        .values(reason="the channel does not answer; it is tried again")
        .returning(NotificationRow.alert_id)
    )
    await fall_over(work, {row.alert_id for row in marked})


async def fall_over(work: Work, alert_ids: Collection[UUID]) -> None:
    """Ask the ladder to look at the alerts of which no channel of their newest level can be counted on."""
    told = await service.states(work, alert_ids)
    lost = [alert for alert, each in told.items() if is_lost(each)]
    await look(work, sorted(lost))


def is_lost(told: Sequence[service.Told]) -> bool:
    """Whether the newest level of an alert reached nobody: every notification of it fails."""
    firing = [each for each in told if each.event is Event.FIRING]
    newest = max(((each.episode, each.level) for each in firing), default=None)
    of_level = [each for each in firing if (each.episode, each.level) == newest]
    return bool(of_level) and all(each.failing for each in of_level)


async def _end(work: Work, parcel: Parcel, owner: str, state: DeliveryState, reason: str | None, **values: Any) -> bool:
    """Move the message on, if it is still ours: owner and fence say so."""
    ended = None if state is DeliveryState.WAITING else work.now
    kept_reason = {} if parcel.event is Event.NOTICE else {"reason": reason}
    moved = await work.execute(
        update(DeliveryRow)
        .where(
            DeliveryRow.id == parcel.delivery_id,
            DeliveryRow.owner == owner,
            DeliveryRow.fence == parcel.fence,
            DeliveryRow.state == DeliveryState.SENDING.value,
        )
        .values(state=state.value, owner=None, leased_until=None, ended_at=ended, **kept_reason, **values)
    )
    return moved.rowcount == 1


async def _note(work: Work, parcel: Parcel, outcome: AttemptOutcome, detail: str) -> None:
    await work.execute(
        update(AttemptRow)
        .where(AttemptRow.delivery_id == parcel.delivery_id, AttemptRow.number == parcel.fence)
        .values(outcome=outcome.value, ended_at=work.now, detail=detail)
    )


async def _notifications(work: Work, parcel: Parcel, state: DeliveryState, reason: str | None) -> None:
    await work.execute(
        update(NotificationRow)
        .where(
            NotificationRow.delivery_id == parcel.delivery_id,
            NotificationRow.state == DeliveryState.SENDING.value,
        )
        .values(state=state.value, reason=reason, ended_at=None if state is DeliveryState.WAITING else work.now)
    )


def _details(parcel: Parcel, said: str) -> dict[str, Any]:
    return {
        "channel": parcel.channel.name,
        "level": parcel.level,
        "event": parcel.event.value,
        "message": said,
    }
