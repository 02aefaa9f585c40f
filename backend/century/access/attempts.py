"""Tries to sign in: each is counted before its password is looked at, so that a thousand at once are a thousand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, insert, select, text, update

from century.access.key import keyed_hash
from century.access.limits import KNOWN_FOR, WINDOW, Failures, Wait, admit, network_of
from century.access.tables import SignInAttemptRow as Attempt
from century.core.errors import RateLimited
from century.core.ids import new_id
from century.core.work import Work


@dataclass(frozen=True, slots=True)
class Caller:
    """Where somebody signs in from. `device` names their browser; `returning` when an earlier sign-in named it."""

    address: str | None = None
    user_agent: str | None = None
    device: str | None = None
    returning: bool = False


@dataclass(frozen=True, slots=True)
class Try:
    """A counted try; `trusted` when the account knows the place it comes from."""

    id: UUID
    trusted: bool


async def count(work: Work, secret: str, account: str, caller: Caller) -> Try:
    """Count a try to sign in to `account`; RateLimited, and nothing counted, when it comes too soon."""
    network, device = network_of(caller.address), device_hash(secret, caller)
    # One at a time for an account and for a network; sorted, so that two tries cannot wait for each other.
    for lock in sorted((f"account {account}", f"network {network}")):
        await work.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:lock, 0))"), {"lock": lock})
    from_device = Attempt.device == device if device else None
    by_device = from_device is not None and await _knows(work, account, from_device)
    known = by_device or (network != "unknown" and await _knows(work, account, Attempt.network == network))
    aimed = and_(Attempt.account == account, Attempt.at > work.now - WINDOW)
    own = from_device if by_device and from_device is not None else Attempt.network == network
    answer = admit(
        known=known,
        own=await _failures(work, and_(aimed, own)),
        account=await _failures(work, and_(aimed, ~Attempt.trusted)),
        network=await _failures(
            work, and_(Attempt.network == network, Attempt.at > work.now - WINDOW, ~Attempt.trusted)
        ),
        now=work.now,
    )
    if isinstance(answer, Wait):
        seconds = max(1.0, (answer.until - work.now).total_seconds())
        raise RateLimited(f"too many tries: wait {seconds:.0f} seconds before the next one", retry_after=seconds)
    attempt = new_id(work.now)
    await work.execute(
        insert(Attempt).values(
            id=attempt,
            at=work.now,
            account=account,
            network=network,
            device=device,
            trusted=answer.trusted,
            succeeded=False,
        )
    )
    return Try(attempt, answer.trusted)


async def succeed(work: Work, attempt: Try, secret: str, caller: Caller) -> None:
    """A try turned out right: its network and its device are known to the account from now on."""
    await work.execute(
        update(Attempt).where(Attempt.id == attempt.id).values(succeeded=True, device=device_hash(secret, caller))
    )


async def uncount(work: Work, attempt: Try) -> None:
    """A try that was never made after all."""
    await work.execute(delete(Attempt).where(Attempt.id == attempt.id))


async def remember(work: Work, secret: str, account: str, caller: Caller) -> None:
    """Make this place known to the account without a password having been tried: a sign-in by link."""
    await work.execute(
        insert(Attempt).values(
            id=new_id(work.now),
            at=work.now,
            account=account,
            network=network_of(caller.address),
            device=device_hash(secret, caller),
            trusted=True,
            succeeded=True,
        )
    )


def device_hash(secret: str, caller: Caller) -> bytes | None:
    """What is stored of a browser's device cookie."""
    return keyed_hash(secret, "device", caller.device) if caller.device else None


async def _knows(work: Work, account: str, place: ColumnElement[bool]) -> bool:
    known = and_(Attempt.account == account, Attempt.succeeded, Attempt.at > work.now - KNOWN_FOR, place)
    return await work.one_or_none(select(Attempt.id).where(known).limit(1)) is not None


async def _failures(work: Work, which: ColumnElement[bool]) -> Failures:
    counted: Any = await work.one_or_none(select(func.count(), func.max(Attempt.at)).where(which, ~Attempt.succeeded))
    return Failures(counted[0], counted[1])
