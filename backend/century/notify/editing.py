"""Channels as people set them up: checked before they are saved, secrets sealed, every change in the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update

from century.access.people import get_person
from century.alerts.service import look
from century.core.actor import Actor, ActorKind
from century.core.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from century.core.ids import new_id
from century.core.outbound import Outbound
from century.core.sealing import Seal, Unsealable
from century.core.settings import Settings
from century.core.work import Work
from century.notify import kept
from century.notify.channel import Channel, ChannelKind
from century.notify.channels import kind_of
from century.notify.channels.webhook import new_secret
from century.notify.delivery import OPEN
from century.notify.quiet import QuietHours
from century.notify.tables import ChannelRow, NotificationRow
from century.notify.wire import Config, Wire
from century.rules.problems import Problem
from century.rules.severity import Severity

LONGEST_NAME = 64
LONGEST_VALUE = 2_000
MOST_OWN, MOST_SHARED = 20, 200


@dataclass(frozen=True, slots=True)
class Draft:
    """A channel as somebody wants it. A setting that is left out or None keeps what is stored, an empty one clears it."""

    name: str
    kind: ChannelKind
    settings: Mapping[str, str | None]
    id: UUID | None = None
    enabled: bool = True
    severities: frozenset[Severity] = frozenset(Severity)
    person_id: UUID | None = None
    quiet_hours: QuietHours | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """The channel as it is now, what may not be meant, and a signing secret that was made: shown now, and never again."""

    channel: Channel
    warnings: tuple[Problem, ...]
    secret: str | None


@dataclass(frozen=True, slots=True)
class Checked:
    """A draft that may be saved: its plain settings, its secrets, and what may not be meant."""

    plain: dict[str, str]
    secrets: dict[str, str]
    config: Config
    before: Channel | None
    warnings: tuple[Problem, ...]
    made: str | None = None


async def check(work: Work, settings: Settings, draft: Draft, *, own: bool) -> Checked:
    """Look at a draft as a whole; Invalid says of each field what would be right. `own`: the actor's own channel."""
    before, stored = await _stored(work, settings, draft, own=own)
    kind = kind_of(draft.kind)
    if reason := kind.unavailable(settings):
        raise Invalid(reason, field="kind")
    if not draft.severities:
        raise Invalid("name at least one severity, or switch the channel off", field="severities")
    person = await get_person(work, draft.person_id) if draft.person_id else None
    if person is not None and person.disabled_at is not None:
        raise Invalid(f"{person.name} is disabled", field="person")
    values = _values(draft, stored)
    made = None
    if draft.kind is ChannelKind.WEBHOOK and not values.get("secret"):
        made = values["secret"] = new_secret()
    secret_names = frozenset(field.name for field in kind.FIELDS if field.secret)
    config = Config(values, secret_names, person.email if person else None, await kept.admins(work))
    warnings: list[Problem] = []
    try:
        await kind.check(config, Wire(Outbound(settings.egress_allow), settings))
    except Invalid as error:
        raise Invalid(error.message, fields={_field(name): said for name, said in error.fields.items()}) from None
    except Unavailable as error:
        warnings.append(Problem(_field("url"), error.message, refused=False))
    _check_led_elsewhere(draft, stored, values)
    warnings += _warnings(draft, values)
    return Checked(
        plain={name: value for name, value in values.items() if name not in secret_names},
        secrets={name: value for name, value in values.items() if name in secret_names},
        config=config,
        before=before,
        warnings=tuple(warnings),
        made=made,
    )


async def save(work: Work, settings: Settings, draft: Draft, *, own: bool = False) -> Saved:
    """Make or change a channel. What changes its settings also resumes one that was stopped."""
    draft = replace(owned(draft, work.actor) if own else draft, name=_name(draft.name))
    checked = await check(work, settings, draft, own=own)
    await _check_unused(work, draft)
    channel_id = draft.id or new_id(work.now)
    values: dict[str, Any] = {
        "name": draft.name,
        "enabled": draft.enabled,
        "severities": [each.value for each in Severity if each in draft.severities],
        "person_id": draft.person_id,
        "settings": checked.plain,
        "secrets": Seal(settings.secrets).close(channel_id, checked.secrets),
        "quiet_hours": draft.quiet_hours.to_json() if draft.quiet_hours else None,
        "updated_at": work.now,
    }
    before = checked.before
    if before is None:
        await _room(work, draft.person_id)
        made = {"id": channel_id, "kind": draft.kind.value, "failures": 0, "created_at": work.now}
        await work.execute(insert(ChannelRow).values(**values, **made))
        said = f"Channel '{draft.name}' ({draft.kind.value}) was made"
        work.record("channel.created", channel_id, subject_name=draft.name, message=said)
    else:
        given = {name for name, value in draft.settings.items() if value is not None}
        config = checked.config
        changed = sorted(
            name for name in given if name in config.secret_names or config[name] != before.settings.get(name, "")
        )
        if changed:
            values |= {"stopped_at": None, "stopped_reason": None, "failures": 0, "open_until": None}
        await work.execute(update(ChannelRow).where(ChannelRow.id == channel_id).values(**values))
        said = f"Channel '{draft.name}' was changed" + (f": {', '.join(changed)}" if changed else "")
        work.record("channel.changed", channel_id, subject_name=draft.name, message=said)
    return Saved(await kept.get_channel(work, channel_id), checked.warnings, checked.made)


def owned(draft: Draft, actor: Actor) -> Draft:
    """The draft as its maker's own."""
    if actor.kind is not ActorKind.PERSON:
        raise Forbidden("only people have ways of their own to be reached")
    return replace(draft, person_id=actor.id)


async def remove(work: Work, channel_id: UUID, *, own: bool = False) -> None:
    """Remove a channel; alerts that waited for it are looked at again."""
    channel = await _mine_or_any(work, channel_id, own=own)
    waiting = await work.rows(
        select(NotificationRow.alert_id)
        .distinct()
        .where(
            NotificationRow.channel_id == channel_id,
            NotificationRow.state.in_([each.value for each in OPEN]),
        )
    )
    await work.execute(delete(ChannelRow).where(ChannelRow.id == channel_id))
    said = f"Channel '{channel.name}' was removed"
    work.record("channel.deleted", channel_id, subject_name=channel.name, message=said)
    await look(work, sorted(row.alert_id for row in waiting))


async def resume(work: Work, channel_id: UUID) -> Channel:
    """Use a channel again that was refused for good; Conflict if it is not stopped."""
    resumed = await work.execute(
        update(ChannelRow)
        .where(ChannelRow.id == channel_id, ChannelRow.stopped_at.is_not(None))
        .values(stopped_at=None, stopped_reason=None, failures=0, open_until=None)
    )
    channel = await kept.get_channel(work, channel_id)
    if resumed.rowcount == 0:
        raise Conflict(f"the channel '{channel.name}' is not stopped")
    said = f"Channel '{channel.name}' is used again"
    work.record("channel.resumed", channel_id, subject_name=channel.name, message=said)
    return channel


async def _mine_or_any(work: Work, channel_id: UUID, *, own: bool) -> Channel:
    channel = await kept.get_channel(work, channel_id)
    if own and (channel.person_id is None or channel.person_id != work.actor.id):
        # Whose it is, is nobody else's business.
        raise NotFound(f"no channel {channel_id}")
    return channel


async def _stored(work: Work, settings: Settings, draft: Draft, *, own: bool) -> tuple[Channel | None, dict[str, str]]:
    if draft.id is None:
        return None, {}
    before = await _mine_or_any(work, draft.id, own=own)
    if before.kind is not draft.kind:
        raise Invalid("a channel keeps its kind; make a new one, and remove this one", field="kind")
    row = await work.one_or_none(select(kept.CHANNEL.c.secrets).where(kept.CHANNEL.c.id == draft.id))
    try:
        secrets = Seal(settings.secrets).open(draft.id, row.secrets if row else None)
    except Unsealable:
        # They must be given again, and then the channel works as before.
        secrets = {}
    return before, {**before.settings, **secrets}


def _check_led_elsewhere(draft: Draft, stored: Mapping[str, str], values: Mapping[str, str]) -> None:
    """What is sent along as it is was entered for one receiver: another one, named later, must not be handed it."""
    kept = draft.settings.get("authorization") is None and stored.get("authorization")
    if kept and urlsplit(values.get("url", ""))[:2] != urlsplit(stored.get("url", ""))[:2]:
        raise Invalid(
            "the address leads to another host: enter the Authorization header again, or leave it empty",
            field=_field("authorization"),
        )


def _values(draft: Draft, stored: Mapping[str, str]) -> dict[str, str]:
    fields = {field.name: field for field in kind_of(draft.kind).FIELDS}
    wrong: dict[str, str] = {}
    values: dict[str, str] = {}
    for name in draft.settings:
        if name not in fields:
            wrong[_field(name)] = (
                f"a channel of kind {draft.kind.value} has no '{name[:40]}'; it has {', '.join(fields)}"
            )
    for name, field in fields.items():
        given = draft.settings.get(name)
        value = stored.get(name, "") if given is None else given.strip()
        if len(value) > LONGEST_VALUE:
            wrong[_field(name)] = f"{field.label} may have {LONGEST_VALUE} characters at most"
        elif any(ord(each) < 32 or ord(each) == 127 for each in value):
            wrong[_field(name)] = f"{field.label} must be one line"
        elif field.required and not value:
            wrong[_field(name)] = f"{field.label} is missing: {field.help}"
        elif value:
            values[name] = value
    if wrong:
        raise Invalid("; ".join(wrong.values()), fields=wrong)
    return values


def _warnings(draft: Draft, values: Mapping[str, str]) -> list[Problem]:
    found = []
    if values.get("url", "").startswith("http://"):
        found.append(
            Problem(_field("url"), "what is sent there can be read on the way: use https if you can", refused=False)
        )
    if Severity.CRITICAL not in draft.severities:
        found.append(Problem("severities", "critical alerts do not go this way", refused=False))
    if not draft.enabled:
        found.append(Problem("enabled", "nothing goes this way while it is switched off", refused=False))
    return found


def _name(given: str) -> str:
    name = " ".join(given.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Invalid(f"a name has 1 to {LONGEST_NAME} characters", field="name")
    return name


async def _room(work: Work, person_id: UUID | None) -> None:
    """Each of a person's own ways is told at each level that tells them."""
    owner = ChannelRow.person_id == person_id if person_id else ChannelRow.person_id.is_(None)
    rows = await work.rows(select(func.count()).select_from(ChannelRow).where(owner))
    most = MOST_OWN if person_id else MOST_SHARED
    if rows[0][0] >= most:
        raise Conflict(f"there are {most} of these channels already: remove one that is not used")


async def _check_unused(work: Work, draft: Draft) -> None:
    statement = select(ChannelRow.id).where(func.lower(ChannelRow.name) == draft.name.lower())
    if any(row.id != draft.id for row in await work.rows(statement)):
        raise Invalid(f"another channel is called '{draft.name}'", field="name")


def _field(name: str) -> str:
    return f"settings.{name}"
