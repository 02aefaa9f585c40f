"""Who answers for the watched service: invented people with pagers that send nothing, their turns, rules and windows.

Whatever is made here says that it belongs to the demonstration. The first admin goes on being told of what happens
live: the demonstration's policy is the one of its past alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from uuid import UUID

from century.access import people
from century.access.people import Person
from century.alerts import windows
from century.alerts.plan import Planned
from century.alerts.window import Matcher, MatcherField, MatcherOperator
from century.core import seeds
from century.core.actor import Actor, ActorKind, Permission, Role, permissions_of
from century.core.errors import NotFound
from century.core.ids import new_id
from century.core.settings import Settings
from century.core.work import Work
from century.demo.traffic import SEARCH, SERVICE
from century.escalation import policies, schedules
from century.escalation.directory import load_schedules
from century.escalation.policy import Level, Target, TargetKind
from century.escalation.rotation import Rotation, RotationKind
from century.escalation.schedule import Schedule
from century.notify import editing as channels
from century.notify.channel import ChannelKind
from century.notify.kept import list_channels
from century.notify.quiet import Weekday
from century.rules import editing, kept, objectives
from century.rules.condition import Condition, Signal, WhenNoData
from century.rules.objective import ObjectiveKind
from century.rules.rule import Rule
from century.rules.severity import Severity
from century.telemetry.targets import Comparison

SEED = "demo.crew"
TURNS, SENIOR = "Property tax (demo)", "Property tax: senior (demo)"
POLICY = "Property tax (demo)"
RESPONDERS, EXPERT = ("Maria (demo)", "Jonas (demo)", "Aiko (demo)"), "Ruth (demo)"
PAGER = "https://demo.invalid/pager/"
"""Names below .invalid lead nowhere (RFC 2606): should somebody use these channels, nothing leaves."""
DEMONSTRATION = Actor(None, "the demonstration", ActorKind.INTERNAL, Role.SYSTEM, frozenset(Permission))
RUNBOOK = """\
1. **Check Database**: Verify database performance and connections
2. **Releases**: See whether a release went out shortly before, and take it back if need be
3. **Payments**: Ask the payment provider when payments alone are slow
"""


@dataclass(frozen=True, slots=True)
class Crew:
    """Those who answer, by their ids, with their turns, their policy and their channels."""

    people: dict[UUID, Person]
    turns: Schedule
    expert: UUID
    policy: UUID
    channels: frozenset[UUID]

    def actor(self, person: UUID) -> Actor:
        """As whom they act."""
        known = self.people[person]
        return Actor(known.id, known.name, ActorKind.PERSON, known.role, permissions_of(known.role))


async def plant(work: Work, settings: Settings, rebuilt: datetime, later: datetime) -> None:
    """Make all of it, once: `work` is at the beginning of the past, the windows begin at `rebuilt` and at `later`."""
    if not await seeds.plant(work, SEED):
        return
    ids = {}
    for name in (*RESPONDERS, EXPERT):
        mail = f"{name.split()[0].lower()}@demo.invalid"
        ids[name] = (await people.create_person(work, settings, name, mail, Role.OPERATOR)).person.id
        pager = channels.Draft(
            f"Pager of {name}: sends nothing",
            ChannelKind.WEBHOOK,
            {"url": PAGER + name.split()[0].lower()},
            person_id=ids[name],
        )
        await channels.save(work, settings, pager)
    turns = await _schedule(work, TURNS, "Week by week", tuple(ids[name] for name in RESPONDERS))
    senior = await _schedule(work, SENIOR, "Always", (ids[EXPERT],))
    minute = timedelta(minutes=1)
    levels = (
        Level("On call", 0 * minute, (Target(TargetKind.SCHEDULE, turns),)),
        Level("Senior engineer", 5 * minute, (Target(TargetKind.SCHEDULE, senior),)),
        Level("Everybody", 20 * minute, tuple(Target(TargetKind.PERSON, each) for each in ids.values()),
              frozenset({Severity.CRITICAL})),
    )  # fmt: skip
    await policies.save_policy(work, settings, None, POLICY, levels)
    await _rules(work)
    await _window(work, rebuilt, rebuilt + timedelta(minutes=30), "The property database is rebuilt (demo)")
    await _window(work, later, later + timedelta(hours=1), "The property database moves to a larger machine (demo)")


async def _schedule(work: Work, name: str, rotation: str, participants: tuple[UUID, ...]) -> UUID:
    made = Rotation(
        id=UUID(int=0),
        name=rotation,
        kind=RotationKind.WEEKLY,
        length=1,
        hand_off_at=time(9),
        starts_on=(work.now - timedelta(days=8)).date(),
        participants=participants,
        hand_off_day=Weekday.MONDAY,
    )
    return (await schedules.save_schedule(work, None, name, "Europe/London", [made]))[0]


async def _rules(work: Work) -> None:
    """Two rules of the service's own, and an objective with its two."""
    errors = tuple(each.id for each in await kept.rules(work) if each.name == "high_error_rate")
    slow = Condition(
        Signal.LATENCY_P95, Comparison.ABOVE, 1.5, recovery=1.2, hold_for=timedelta(minutes=6), min_samples=20,
        when_no_data=WhenNoData.OK,
    )  # fmt: skip
    search = Condition(
        Signal.LATENCY_P95, Comparison.ABOVE, 0.4, recovery=0.35, window=timedelta(minutes=15),
        hold_for=timedelta(minutes=45), min_samples=20, when_no_data=WhenNoData.OK,
    )  # fmt: skip
    for name, severity, condition, routes, depends in (
        ("property_tax_slow", Severity.WARNING, slow, (), errors),
        ("property_tax_search_slow", Severity.INFO, search, (SEARCH.route,), ()),
    ):
        rule = Rule(
            new_id(work.now), name, enabled=True, severity=severity, condition=condition, service=SERVICE, routes=routes,
            runbook=RUNBOOK, reopen_after=timedelta(hours=6), depends_on=depends,
        )  # fmt: skip
        await editing.save_rule(work, rule, new=True)
    await objectives.save_objective(
        work, None, "Property tax pages answer (demo)", SERVICE, ObjectiveKind.AVAILABILITY, None, 0.99, timedelta(days=30)
    )  # fmt: skip


async def _window(work: Work, starts: datetime, ends: datetime, reason: str) -> None:
    matcher = Matcher(MatcherField.SERVICE, MatcherOperator.IS, SERVICE)
    await windows.plan(work, Planned((matcher,), starts, ends, reason))


async def muster(work: Work) -> Crew | None:
    """The crew as it is; None where somebody has taken it apart."""
    try:
        known = [await people.find_person(work, name) for name in (*RESPONDERS, EXPERT)]
    except NotFound:
        return None
    turns = next((each for each in (await load_schedules(work, since=work.now)).values() if each.name == TURNS), None)
    policy = next((each.policy.id for each in await policies.saved(work) if each.policy.name == POLICY), None)
    if turns is None or policy is None:
        return None
    own = frozenset(each.id for each in await list_channels(work) if each.person_id in {one.id for one in known})
    return Crew({each.id: each for each in known}, turns, known[-1].id, policy, own)
