"""The courier: each channel has lanes of its own, so that a slow one delays no other."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from century.core.outbound import Outbound
from century.core.redaction import clean
from century.core.sealing import Seal, Unsealable
from century.core.settings import Settings
from century.core.work import Work, Works
from century.notify import claims, contained, kept, results
from century.notify.channels import Kind, kind_of
from century.notify.compose import message_of
from century.notify.delivery import LEASE, AttemptOutcome
from century.notify.message import Message
from century.notify.parcel import Nothing, Parcel
from century.notify.wire import Config, Permanent, Receipt, Temporary, Wire

logger = logging.getLogger(__name__)

CLAIMS_AT_ONCE = 4
LANES = 2
LONGEST_SEND = 40.0
RENEW_SECONDS = LEASE.total_seconds() / 3
STOP_SECONDS = 5.0
BURST = 5
BURST_SECONDS = 10.0
STORE_TRIES = 12
STORE_AGAIN_SECONDS = 0.5
AWAY_SECONDS = 0.5


class Courier:
    """One a worker. `wake` looks at a channel, `sweep` at all of them, `settle` waits until nothing is due.

    `paced`: channels that people read get a few messages at a time at most, as in a storm.
    """

    def __init__(
        self, settings: Settings, works: Works, *, tls: ssl.SSLContext | None = None, paced: bool = False
    ) -> None:
        self.settings = settings
        self.works = works
        self.owner = secrets.token_hex(8)
        self._seal = Seal(settings.secrets)
        self._wire = Wire(Outbound(settings.egress_allow), settings, tls)
        self._paced = paced
        self._sent: dict[UUID, deque[float]] = {}
        self._lanes: dict[UUID, set[asyncio.Task[None]]] = {}
        self._kinds: dict[UUID, Kind] = {}
        self._again: set[UUID] = set()
        self._sending: set[UUID] = set()
        self._claiming = asyncio.Semaphore(CLAIMS_AT_ONCE)
        # As many as there may be: a message in hand never waits for a child.
        self._children = asyncio.Semaphore(contained.MOST)
        self._renewing: asyncio.Task[None] | None = None
        self._stopped = False

    def wake(self, channel_id: UUID) -> None:
        """There may be something for this channel."""
        lanes = self._lanes.setdefault(channel_id, set())
        self._again.add(channel_id)
        kind = self._kinds.get(channel_id)
        if not self._stopped and len(lanes) < (kind.LANES if kind else LANES):
            task = asyncio.create_task(self._carry(channel_id))
            lanes.add(task)

    async def sweep(self) -> None:
        """Wake every channel that has something due."""
        async with self.works.read() as work:
            due = await claims.due_channels(work)
        for channel_id in due:
            self.wake(channel_id)

    async def settle(self) -> None:
        """Sweep, and wait until every lane is empty."""
        await self.sweep()
        while running := [task for lanes in self._lanes.values() for task in lanes]:
            await asyncio.wait(running)

    async def stop(self) -> None:
        """Begin nothing more, and let what is on the wire come to its end for a while."""
        self._stopped = True
        running = [task for lanes in self._lanes.values() for task in lanes]
        if running:
            await asyncio.wait(running, timeout=STOP_SECONDS)
        for task in [*running, *([self._renewing] if self._renewing else [])]:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _carry(self, channel_id: UUID) -> None:
        """Claim and send until nothing is due for the channel."""
        try:
            while not self._stopped:
                await self._keep_pace(channel_id)
                self._again.discard(channel_id)
                async with await self._room(channel_id):
                    if self._stopped:
                        break
                    async with self._claiming:
                        claimed = await self._claim(channel_id)
                    if isinstance(claimed, Parcel):
                        if claimed.more:
                            self.wake(channel_id)
                        await self._send(claimed)
                if isinstance(claimed, Nothing) and not claimed.again and channel_id not in self._again:
                    break
        except Exception:  # whatever it was, what is due stands in PostgreSQL, and the sweep finds it again
            logger.exception("a lane of channel %s failed", channel_id)
        finally:
            # At once, not when the loop comes to it: a wake in between must find the lane free.
            task = asyncio.current_task()
            assert task is not None
            self._lanes[channel_id].discard(task)

    async def _keep_pace(self, channel_id: UUID) -> None:
        """What people read comes in a few messages at most: what becomes due meanwhile goes together in the next one."""
        sent, loop = self._sent.get(channel_id), asyncio.get_running_loop()
        while sent and len(sent) == BURST and (wait := sent[0] + BURST_SECONDS - loop.time()) > 0:
            await asyncio.sleep(wait)

    async def _room(self, channel_id: UUID) -> AbstractAsyncContextManager[None]:
        """Room for a child where the kind needs one: waited for before the claim, which looks at the alert again."""
        if channel_id not in self._kinds:
            async with self._claiming, self.works.read() as work:
                channel = (await kept.channels_by_id(work, {channel_id})).get(channel_id)
            if channel is None:
                return contextlib.nullcontext()
            self._kinds[channel_id] = kind_of(channel.kind)
        return self._children if self._kinds[channel_id].CHILD else contextlib.nullcontext()

    async def _claim(self, channel_id: UUID) -> Parcel | Nothing:
        async with self.works.begin() as work:
            claimed = await claims.claim(work, channel_id, self.owner)
        if isinstance(claimed, Parcel):
            self._sending.add(claimed.delivery_id)
            if self._paced and kind_of(claimed.channel.kind).READ:
                sent = self._sent.setdefault(channel_id, deque(maxlen=BURST))
                sent.append(asyncio.get_running_loop().time())
        return claimed

    async def _send(self, parcel: Parcel) -> None:
        try:
            if self._renewing is None or self._renewing.done():
                self._renewing = asyncio.create_task(self._renew())
            await self._store(parcel, await self._try(parcel))
        finally:
            self._sending.discard(parcel.delivery_id)

    async def _try(self, parcel: Parcel) -> Callable[[Work], Awaitable[bool]]:
        """Touch the wire; answers what is to be stored."""
        kind = kind_of(parcel.channel.kind)
        hidden: tuple[str, ...] = ()
        try:
            config = self._config(parcel)
            hidden = config.secrets
            async with asyncio.timeout(LONGEST_SEND):
                receipt = await kind.send(config, self._compose(parcel), self._wire)
            receipt = Receipt(clean(receipt.detail, hidden))
            self._count(parcel, AttemptOutcome.DELIVERED)
            return lambda work: results.delivered(work, parcel, self.owner, receipt)
        except Temporary as error:
            failure: Temporary | Permanent = Temporary(
                clean(error.detail, hidden), error.retry_after, unknown=error.unknown
            )
            counted = False
        except Permanent as error:
            failure, counted = Permanent(clean(error.detail, hidden), stops=error.stops), False
        except TimeoutError:
            failure, counted = Temporary("it took too long", unknown=True), False
        except Exception as error:  # noqa: BLE001 (a fault of ours must not stop the others, and is counted like a kill)
            number = secrets.token_hex(6)
            # Without the traceback's values: they may hold a secret.
            logger.error("error %s while sending %s: %s", number, parcel.key, clean(repr(error), hidden))
            failure, counted = Temporary(f"something went wrong, quote {number}", unknown=True), True
        refused = isinstance(failure, Permanent)
        self._count(parcel, AttemptOutcome.REFUSED if refused else AttemptOutcome.TEMPORARY)
        mail = self.settings.smtp is not None
        spread = random.random()
        return lambda work: results.failed(work, parcel, self.owner, failure, spread=spread, mail=mail, counted=counted)

    def _count(self, parcel: Parcel, outcome: AttemptOutcome) -> None:
        self.works.meters.deliveries.labels(parcel.channel.kind.value, outcome.value).inc()

    def _config(self, parcel: Parcel) -> Config:
        try:
            opened = self._seal.open(parcel.channel.id, parcel.sealed)
        except Unsealable as error:
            raise Permanent(str(error), stops=True) from None
        return Config({**parcel.channel.settings, **opened}, frozenset(opened), parcel.email, parcel.admins)

    def _compose(self, parcel: Parcel) -> Message:
        return message_of(
            self.settings, parcel.channel, parcel.alerts, event=parcel.event, key=parcel.key, level=parcel.level,
            at=parcel.at, delivery_id=parcel.delivery_id, answers=parcel.may_acknowledge, notice=parcel.notice,
        )  # fmt: skip

    async def _store(self, parcel: Parcel, ended: Callable[[Work], Awaitable[bool]]) -> None:
        """Store how it ended; a database that is away is waited for, but not for ever: then it goes again, same key."""
        for left in reversed(range(STORE_TRIES)):
            try:
                async with self.works.begin() as work:
                    still_ours = await ended(work)
                if not still_ours:
                    logger.warning("%s was taken over by another worker", parcel.key)
                break
            except (SQLAlchemyError, OSError) as error:
                if not left:
                    raise
                logger.warning("the end of %s could not be stored (%s), trying again", parcel.key, type(error).__name__)
                await asyncio.sleep(STORE_AGAIN_SECONDS)

    async def _renew(self) -> None:
        """Renew the leases of what is on the wire for as long as anything is."""
        while self._sending:
            await asyncio.sleep(RENEW_SECONDS)
            if self._sending:
                try:
                    async with self.works.begin() as work:
                        await claims.renew(work, self.owner, list(self._sending))
                except Exception as error:  # noqa: BLE001 (the next one may work; if not, another worker takes over)
                    logger.warning("leases could not be renewed: %s", type(error).__name__)
