"""Channels as they are kept."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select

from century.access.tables import PersonRow
from century.core.actor import Role
from century.core.errors import NotFound
from century.core.work import Work
from century.notify.channel import Channel, ChannelKind
from century.notify.quiet import QuietHours
from century.notify.tables import ChannelRow
from century.rules.severity import Severity

CHANNEL = ChannelRow.__table__


def channels() -> Select[Any]:
    """Every channel with its person's name, in order of name."""
    return (
        select(*CHANNEL.c, PersonRow.name.label("person_name"))
        .outerjoin(PersonRow, PersonRow.id == CHANNEL.c.person_id)
        .order_by(CHANNEL.c.name)
    )


def of_row(row: Row[Any]) -> Channel:
    """The channel of a row that `channels` selects."""
    return Channel(
        id=row.id,
        name=row.name,
        kind=ChannelKind(row.kind),
        severities=frozenset(Severity(each) for each in row.severities),
        created_at=row.created_at,
        updated_at=row.updated_at,
        enabled=row.enabled,
        person_id=row.person_id,
        person_name=row.person_name,
        settings=row.settings,
        quiet_hours=QuietHours.from_json(row.quiet_hours) if row.quiet_hours else None,
        failures=row.failures,
        open_until=row.open_until,
        stopped_at=row.stopped_at,
        stopped_reason=row.stopped_reason,
    )


async def list_channels(work: Work) -> list[Channel]:
    """Every channel, people's own too."""
    return [of_row(row) for row in await work.rows(channels())]


async def channels_by_id(work: Work, ids: Collection[UUID]) -> dict[UUID, Channel]:
    """These channels, those that there are."""
    if not ids:
        return {}
    return {row.id: of_row(row) for row in await work.rows(channels().where(CHANNEL.c.id.in_(list(ids))))}


async def own_channels(work: Work, person_ids: Collection[UUID]) -> list[Channel]:
    """The channels that belong to these people."""
    if not person_ids:
        return []
    rows = await work.rows(channels().where(CHANNEL.c.person_id.in_(list(person_ids))))
    return [of_row(row) for row in rows]


async def get_channel(work: Work, channel_id: UUID) -> Channel:
    """The channel of this id, or NotFound."""
    row = await work.one_or_none(channels().where(CHANNEL.c.id == channel_id))
    if row is None:
        raise NotFound(f"no channel {channel_id}")
    return of_row(row)


async def admins(work: Work) -> tuple[str, ...]:
    """The e-mail addresses of everybody who is an admin."""
    rows = await work.rows(
        select(PersonRow.email)
        .where(PersonRow.role == Role.ADMIN.value, PersonRow.disabled_at.is_(None))
        .order_by(PersonRow.id)
    )
    return tuple(row.email for row in rows)
