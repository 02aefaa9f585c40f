"""Trying a channel, saved or not: a message goes out now, and the receiver's own words come back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import insert

from century.core.actor import Actor
from century.core.ids import new_id
from century.core.outbound import Outbound
from century.core.redaction import clean
from century.core.settings import Settings
from century.core.work import Work, Works
from century.notify import editing
from century.notify.channels import kind_of
from century.notify.delivery import AttemptOutcome, DeliveryState
from century.notify.editing import Draft
from century.notify.event import Event
from century.notify.message import Message, alerts_page
from century.notify.tables import AttemptRow, DeliveryRow
from century.notify.wire import Permanent, Temporary, Wire

LONGEST = 40.0


@dataclass(frozen=True, slots=True)
class Tried:
    """Whether it was taken, and what was said."""

    delivered: bool
    detail: str


async def try_channel(works: Works, settings: Settings, actor: Actor, draft: Draft, *, own: bool = False) -> Tried:
    """Send a test; Invalid for settings that cannot work. What is left out is taken from the stored channel."""
    async with works.read(actor) as work:
        if own:
            draft = editing.owned(draft, actor)
        checked = await editing.check(work, settings, draft, own=own)
        key = f"msg_test-{new_id(work.now)}"
        message = Message(Event.TEST, key, work.now, (), 0, alerts_page(settings.public_url))
    wire = Wire(Outbound(settings.egress_allow), settings)
    try:
        async with asyncio.timeout(LONGEST):
            receipt = await kind_of(draft.kind).send(checked.config, message, wire)
        tried, outcome = Tried(True, receipt.detail), AttemptOutcome.DELIVERED
    except Temporary as error:
        tried = Tried(False, error.detail)
        outcome = AttemptOutcome.UNKNOWN if error.unknown else AttemptOutcome.TEMPORARY
    except Permanent as error:
        tried, outcome = Tried(False, error.detail), AttemptOutcome.REFUSED
    except TimeoutError:
        tried, outcome = Tried(False, f"it took longer than {LONGEST:g} s"), AttemptOutcome.UNKNOWN
    tried = Tried(tried.delivered, clean(tried.detail, checked.config.secrets))
    if draft.id is not None:
        async with works.begin(actor) as work:
            await _store(work, draft.id, message, tried, outcome)
    return tried


async def _store(work: Work, channel_id: UUID, message: Message, tried: Tried, outcome: AttemptOutcome) -> None:
    """A test of a stored channel is among its deliveries. Nobody retries it: whoever asked saw what came of it."""
    delivery = new_id(work.now)
    state = DeliveryState.DELIVERED if tried.delivered else DeliveryState.FAILED
    await work.execute(
        insert(DeliveryRow).values(
            id=delivery, key=message.key, channel_id=channel_id, event=Event.TEST.value, level=0, state=state.value,
            due_at=message.at, first_due_at=message.at, claims=1, fence=1, created_at=message.at, ended_at=work.now,
        )
    )  # fmt: skip
    await work.execute(
        insert(AttemptRow).values(
            delivery_id=delivery, number=1, at=message.at, ended_at=work.now, outcome=outcome.value,
            detail=tried.detail,
        )
    )  # fmt: skip
