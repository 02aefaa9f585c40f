"""Climbing: alerts whose time has come are looked at, decided upon, and what follows is committed with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ARRAY, Row, Table, Uuid, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import insert

from century.alerts.alert import Alert, AlertState
from century.alerts.kept import ALERT, COLUMNS, holds, of_row
from century.alerts.paging import Hold, HoldKind
from century.core.settings import Settings
from century.core.work import Work
from century.escalation import naming
from century.escalation.directory import load_directory, load_policies
from century.escalation.ladder import (
    Answered,
    Case,
    Decision,
    HeldBack,
    Ladder,
    LevelFailed,
    Reach,
    Step,
    Tell,
    Unreachable,
    step,
    steps_from_json,
    steps_to_json,
)
from century.escalation.policy import Level, Policy
from century.escalation.reach import Directory, Reached, Receiver, reach, reach_admins
from century.escalation.tables import LadderRow
from century.notify import service as notify
from century.rules.severity import Severity

BATCH = 500
NO_POLICY = Policy(None, "No policy", ())
LADDER = cast("Table", LadderRow.__table__)
# Built once: what these say is the same each time, and building them anew took longer than running them.
CLAIM = (
    select(*COLUMNS)
    .where(ALERT.c.due_at <= bindparam("now"))
    .order_by(ALERT.c.due_at)
    .limit(bindparam("batch"))
    .with_for_update(skip_locked=True)
)
LADDERS = (
    select(LADDER)
    .where(LADDER.c.alert_id == func.any(bindparam("ids", type_=ARRAY(Uuid()))))
    .order_by(LADDER.c.alert_id, LADDER.c.episode)
)
_UPSERT = insert(LADDER)
UPSERT = _UPSERT.on_conflict_do_update(
    index_elements=["alert_id", "episode"],
    set_={
        name: _UPSERT.excluded[name] for name in ("begun_at", "level", "steps", "told_state", "held_since", "held_by")
    },
)
MOVED = text(
    "UPDATE alert SET due_at = moved.due_at, level = moved.level"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:due AS timestamptz[]), CAST(:levels AS integer[]))"
    " AS moved(id, due_at, level) WHERE alert.id = moved.id"
)


@dataclass(frozen=True, slots=True)
class Climbed:
    """An alert with what was decided about it."""

    alert: Alert
    before: Ladder
    decision: Decision


async def climb(work: Work, settings: Settings, only: Collection[UUID] | None = None) -> int:
    """Look at the alerts that are due, up to a batch of them (or only at these); answers how many there were.

    Claimed rows are locked until the transaction ends, and others pass over them: nothing is done twice.
    """
    alerts = await _claim(work, only)
    if not alerts:
        return 0
    ladders = await ladders_of(work, [each.id for each in alerts])
    policies = await _policies(work, alerts, ladders)
    firing = [each for each in alerts if each.state is AlertState.FIRING]
    held = await holds(work, firing)
    # A new alert, which is what must be fast, has told nobody yet.
    asked = [each.id for each in firing if each.id in ladders and each.id not in held]
    states = await notify.states(work, asked) if asked else {}
    lost = [each.id for each in firing if _lost(each, ladders.get(each.id, {}).get(each.episode), states.get(each.id))]
    heard = await notify.heard(work, lost) if lost else {}
    directory = await load_directory(work, settings) if len(held) < len(firing) else None
    reaches = _Reaches(directory, work.now)
    climbed = []
    for alert in alerts:
        episodes = ladders.get(alert.id, {})
        before = episodes.get(alert.episode) or _begin(alert, episodes, policies, work.now)
        case = Case(
            alert.state,
            alert.severity,
            held.get(alert.id),
            _failing(alert, before, states.get(alert.id), heard.get(alert.id, ())),
            tuple(one for number, each in episodes.items() if number != alert.episode for one in _told(each)),
        )
        climbed.append(Climbed(alert, before, step(case, before, reaches.of(alert.severity), work.now)))
    known = directory.channels if directory is not None else None
    await _save(work, await _with_channels(work, settings, climbed), known)
    return len(alerts)


async def _claim(work: Work, only: Collection[UUID] | None) -> list[Alert]:
    statement = CLAIM if only is None else CLAIM.where(ALERT.c.id.in_(list(only)))
    return [of_row(row) for row in await work.rows(statement, {"now": work.now, "batch": BATCH})]


async def due(work: Work) -> list[UUID]:
    """The alerts of the next batch."""
    statement = select(ALERT.c.id).where(ALERT.c.due_at <= work.now).order_by(ALERT.c.due_at).limit(BATCH)
    return [row.id for row in await work.rows(statement)]


async def ladders_of(work: Work, ids: Sequence[UUID]) -> dict[UUID, dict[int, Ladder]]:
    """The ladders of these alerts, by their episodes."""
    found: dict[UUID, dict[int, Ladder]] = {}
    for row in await work.rows(LADDERS, {"ids": list(ids)}):
        found.setdefault(row.alert_id, {})[row.episode] = ladder_of(row)
    return found


def ladder_of(row: Row[Any]) -> Ladder:
    """A stored ladder."""
    return Ladder(
        policy=Policy.from_json(row.policy),
        begun_at=row.begun_at,
        level=row.level,
        steps=steps_from_json(row.steps),
        told=AlertState(row.told_state) if row.told_state else None,
        held_since=row.held_since,
        held_by=HoldKind(row.held_by) if row.held_by else None,
    )


async def _policies(
    work: Work, alerts: Sequence[Alert], ladders: dict[UUID, dict[int, Ladder]]
) -> dict[UUID | None, Policy]:
    wanted = {each.rule.policy_id for each in alerts if each.id not in ladders}
    return await load_policies(work, {each for each in wanted if each is not None}) if wanted else {}


def _begin(alert: Alert, episodes: dict[int, Ladder], policies: dict[UUID | None, Policy], now: datetime) -> Ladder:
    """The ladder of an episode that begins: an alert keeps the policy that it climbed first."""
    earlier = list(episodes.values())
    if earlier:
        policy = earlier[-1].policy
    else:
        policy = policies.get(alert.rule.policy_id) or policies.get(None) or NO_POLICY
    return Ladder(policy, min(alert.due_at or now, now))


class _Reaches:
    """Whom levels reach now; of the many alerts of a batch most ask the same."""

    def __init__(self, directory: Directory | None, now: datetime) -> None:
        self._directory = directory
        self._now = now
        self._found: dict[tuple[Level | None, Severity], Reached] = {}

    def of(self, severity: Severity) -> Reach:
        """The question that the ladder of an alert asks."""

        def reached(level: Level | None) -> Reached:
            if (level, severity) not in self._found:
                self._found[level, severity] = self._look(level, severity)
            return self._found[level, severity]

        return reached

    def _look(self, level: Level | None, severity: Severity) -> Reached:
        assert self._directory is not None, "loaded wherever an alert is not held"
        if level is None:
            return reach_admins(self._directory, severity)
        return reach(self._directory, level, severity, self._now)


def _lost(alert: Alert, ladder: Ladder | None, told: Iterable[notify.Told] | None) -> bool:
    """Whether a channel that a level of this episode told was removed since, and its messages with it."""
    if ladder is None or told is None:
        return False
    kept = {(each.level, each.channel_id) for each in told if each.episode == alert.episode}
    return any((each.level, one.channel) not in kept for each in ladder.steps for one in each.receivers)


def _failing(
    alert: Alert,
    ladder: Ladder,
    told: Iterable[notify.Told] | None,
    heard: Iterable[tuple[int, datetime]],
) -> frozenset[int]:
    """The levels of this episode none of whose messages is to be counted on. None: that was not asked.

    `heard`: at which levels a message arrived, and when, where a channel that was told is no more.
    """
    if told is None:
        return frozenset()
    # Whoever removes a channel removes what waited for it: a level without any message told nobody.
    levels = {each.level: True for each in ladder.steps if each.receivers}
    for each in told:
        if each.episode == alert.episode and each.event is notify.Event.FIRING:
            levels[each.level] = levels.get(each.level, True) and each.failing
    for made in ladder.steps:
        # What arrived before this episode reached the level was of an earlier one.
        if any(level == made.level and at >= made.at for level, at in heard):
            levels[made.level] = False
    return frozenset(level for level, fails in levels.items() if fails)


def _told(ladder: Ladder) -> Iterable[Receiver]:
    return (one for each in ladder.steps for one in each.receivers)


async def _with_channels(work: Work, settings: Settings, climbed: list[Climbed]) -> list[Climbed]:
    """Where a person is reached by the e-mail of their account, its channel is made now, when it is first needed."""
    lacking = {
        one.person
        for each in climbed
        for said in each.decision.said
        if isinstance(said, Tell | Unreachable)
        for one in said.step.receivers
        if one.channel is None and one.person is not None
    }
    if not lacking:
        return climbed
    channels = await notify.channels_of_people(work, lacking, mail=settings.smtp is not None)

    def filled(made: Step) -> Step:
        receivers = []
        for one in made.receivers:
            if one.channel is not None:
                receivers.append(one)
            elif one.person is not None:
                receivers += [Receiver(channel.id, one.person) for channel in channels.get(one.person, ())]
        return replace(made, receivers=tuple(receivers))

    after = []
    for each in climbed:
        decision = each.decision
        said = tuple(
            replace(one, step=filled(one.step)) if isinstance(one, Tell | Unreachable) else one for one in decision.said
        )
        ladder = replace(decision.ladder, steps=tuple(filled(one) for one in decision.ladder.steps))
        after.append(replace(each, decision=Decision(ladder, decision.due_at, said)))
    return after


async def _save(work: Work, climbed: Sequence[Climbed], known: Mapping[UUID, notify.Channel] | None) -> None:
    rows = [_row(each) for each in climbed if each.decision.ladder != each.before or each.decision.said]
    if rows:
        await work.execute(UPSERT, rows)
    wanted = [one for each in climbed for one in _wanted(each, work.now)]
    if wanted:
        await notify.notify(work, wanted, known)
    await work.execute(
        MOVED,
        {
            "ids": [each.alert.id for each in climbed],
            "due": [each.decision.due_at for each in climbed],
            "levels": [_level(each) for each in climbed],
        },
    )
    for each in climbed:
        _record(work, each)


def _row(each: Climbed) -> dict[str, Any]:
    ladder = each.decision.ladder
    return {
        "alert_id": each.alert.id,
        "episode": each.alert.episode,
        "policy_id": ladder.policy.id,
        "policy": ladder.policy.to_json(),
        "begun_at": ladder.begun_at,
        "level": ladder.level,
        "steps": steps_to_json(ladder.steps),
        "told_state": ladder.told.value if ladder.told else "",
        "held_since": ladder.held_since,
        "held_by": ladder.held_by.value if ladder.held_by else None,
    }


def _level(each: Climbed) -> int:
    ladder = each.decision.ladder
    return min(ladder.level, len(ladder.policy.levels))


def _wanted(each: Climbed, now: datetime) -> Iterable[notify.Wanted]:
    alert, policy = each.alert, each.decision.ladder.policy
    for said in each.decision.said:
        match said:
            case Tell(made) | Unreachable(made):
                event, level, receivers = notify.Event.FIRING, made.level, made.receivers
            case Answered(news, told):
                event, level, receivers = notify.Event(news.value), _level(each), told
            case _:
                continue
        for one in receivers:
            if one.channel is not None:
                yield notify.Wanted(
                    alert_id=alert.id,
                    episode=alert.episode,
                    event=event,
                    level=level,
                    policy_id=policy.id,
                    channel_id=one.channel,
                    person_id=one.person,
                    severity=alert.severity,
                    due_at=now,
                )


def _record(work: Work, each: Climbed) -> None:
    alert = each.alert
    for said in each.decision.said:
        match said:
            case Tell(made):
                _note(work, alert, "alert.escalated", told(made), level=made.level, told=list(made.told))
            case LevelFailed(level, name):
                message = f"Every channel of level {level} '{name}' fails: the next level is told at once."
                _note(work, alert, "alert.level_failed", message, level=level)
            case HeldBack(hold) if hold.kind is not HoldKind.SUPPRESSED:
                _note(work, alert, "alert.held", held_back(hold), hold=hold.kind.value)
            case Unreachable(made):
                message = (
                    f"No level reached anybody: the admins are told, {naming.listed(made.told)}."
                    if made.receivers
                    else "Nobody can be reached: no level tells anybody, and no admin has a way to be reached."
                )
                _note(work, alert, "alert.unreachable", message, told=list(made.told))


def _note(work: Work, alert: Alert, kind: str, message: str, **details: Any) -> None:
    work.record(kind, alert.id, subject_name=f"{alert.rule_name} {alert.subject}", message=message, **details)


def told(made: Step) -> str:
    """A reached level as a sentence of the timeline."""
    if made.told:
        because = f", because {made.reason}" if made.reason else ""
        return f"Level {made.level} '{made.name}' was told{because}: {naming.listed(made.told)}."
    return f"Level {made.level} '{made.name}' reached no one: {made.reason}."


def held_back(hold: Hold) -> str:
    """A hold as a sentence of the timeline."""
    until = f" until {hold.until:%Y-%m-%d %H:%M} UTC" if hold.until else ""
    return f"Nobody is told{until}: {hold.reason}."
