"""What a signed link opens: its alerts, who answers for them by it, and whether they still want an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from century.access.tables import PersonRow
from century.alerts.alert import Alert, AlertState
from century.alerts.service import acknowledge_many, alerts_by_id
from century.core.actor import Actor, ActorKind, Permission, Role, permissions_of
from century.core.settings import Settings
from century.core.work import Work, Works
from century.notify import links
from century.notify.links import About, Link, Whose
from century.notify.tables import ChannelRow, NotificationRow

MOST = 500


@dataclass(frozen=True, slots=True)
class Opened:
    """The alerts of a link, with the episodes it was made for. `actor` is who answers; None: `problem` says why nobody."""

    link: Link
    alerts: tuple[Alert, ...]
    episodes: Mapping[UUID, int]
    actor: Actor | None
    problem: str | None
    expired: bool

    @property
    def answerable(self) -> tuple[UUID, ...]:
        """The alerts that an answer would change."""
        if self.actor is None or self.expired:
            return ()
        return tuple(each.id for each in self.alerts if self.waits(each))

    def waits(self, alert: Alert) -> bool:
        """Whether an alert fires in the episode that the link was made for: a later one has a link of its own."""
        return alert.state is AlertState.FIRING and alert.episode == self.episodes.get(alert.id)


async def look_up(works: Works, settings: Settings, token: str, address: str | None) -> Opened:
    """What a link shows; it changes nothing, so that a scanner of mails may follow it. Raises BadLink."""
    link = links.read(settings.secrets, token)
    async with works.read() as work:
        return await _open(work, link, address)


async def answer(works: Works, settings: Settings, token: str, address: str | None) -> Opened:
    """Acknowledge what the link is about, as whom it was sent to. Raises BadLink; what is answered already stays so."""
    link = links.read(settings.secrets, token)
    async with works.read() as work:
        opened = await _open(work, link, address)
    if opened.actor is not None and opened.answerable:
        async with works.begin(opened.actor) as work:
            # What was read before may have opened again since: only what is locked stays as it is.
            locked = await alerts_by_id(work, opened.answerable, lock="update")
            if waiting := [id for id, each in locked.items() if opened.waits(each)]:
                await acknowledge_many(work, waiting, None)
    return opened


async def _open(work: Work, link: Link, address: str | None) -> Opened:
    episodes = await _episodes(work, link)
    alerts = await alerts_by_id(work, list(episodes))
    actor, problem = await _holder(work, link, address)
    return Opened(
        link,
        tuple(alerts[id] for id in episodes if id in alerts),
        episodes,
        actor,
        problem,
        work.now >= link.expires_at,
    )


async def _episodes(work: Work, link: Link) -> dict[UUID, int]:
    if link.about is About.ALERT:
        return {link.id: link.episode}
    rows = await work.rows(
        select(NotificationRow.alert_id, NotificationRow.episode)
        .where(NotificationRow.delivery_id == link.id)
        .order_by(NotificationRow.id)
        .limit(MOST)
    )
    return {row.alert_id: row.episode for row in rows}


async def _holder(work: Work, link: Link, address: str | None) -> tuple[Actor | None, str | None]:
    if link.whose is Whose.CHANNEL:
        channel = await work.one_or_none(
            select(ChannelRow.name, ChannelRow.enabled).where(ChannelRow.id == link.holder)
        )
        if channel is None or not channel.enabled:
            return None, "The channel that this link was sent to is gone."
        permissions = frozenset({Permission.READ, Permission.OPERATE})
        return Actor(None, f"via {channel.name}", ActorKind.INTERNAL, Role.SYSTEM, permissions, address=address), None
    person = await work.one_or_none(
        select(PersonRow.name, PersonRow.role, PersonRow.disabled_at).where(PersonRow.id == link.holder)
    )
    if person is None or person.disabled_at is not None:
        return None, "Whoever this link was sent to is no longer here."
    role = Role(person.role)
    permissions = permissions_of(role)
    if Permission.OPERATE not in permissions:
        return None, f"{person.name} may read alerts, but not answer for them."
    return Actor(link.holder, person.name, ActorKind.PERSON, role, permissions, address=address), None
