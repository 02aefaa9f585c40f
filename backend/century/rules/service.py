"""The rulebook: evaluates rules as data arrive and as time passes, in memory, and keeps what changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from century.core.work import Work, Works
from century.rules import kept, verdicts, wording
from century.rules.change import Change
from century.rules.looking import Looker
from century.rules.memory import Held, Memory, rhythm
from century.rules.rule import Rule
from century.rules.ruleset import RuleSet
from century.rules.signals import Source, Sources
from century.rules.subject import Subject
from century.rules.verdict import Standing, Verdict
from century.rules.verdicts import Health

RELOAD = timedelta(seconds=5)
HEALTH = timedelta(seconds=5)
SAME_HEALTH = timedelta(seconds=30)
VALUES = timedelta(seconds=30)
AUDIT = timedelta(seconds=60)
AUDITED_AT_ONCE = 10
RECHECK = timedelta(seconds=3)
WRONG = (Standing.FIRING, Standing.PENDING)
OFF = "the rule was switched off"
ELSEWHERE = "the rule does not look at this any more"


class Rulebook:
    """One a process, used by one task. Several processes may have one each: `settle` lets one of them be first.

    `verdicts` when a service reported, `due` every second or two, `settle` in the transaction that acts on what they
    answer; what was not settled is answered again.
    """

    def __init__(self, works: Works, sources: Sources) -> None:
        self.works = works
        self.sources = sources
        self._rules = RuleSet()
        self._fresh: list[Rule] = []
        self._memory = Memory()
        self._closing: dict[verdicts.Key, Change] = {}
        self._looker = Looker(works, sources, self._memory, self._closing)
        self._gone: list[tuple[UUID, Subject]] = []
        self._fingerprint: tuple[Any, ...] | None = None
        self._changed = True
        self._loaded_at: datetime | None = None
        self._looked: dict[str, datetime] = {}
        self._audit: list[str] = []
        self._audited_at: datetime | None = None
        self._compared_at: datetime | None = None
        self._measured: dict[UUID, datetime] = {}
        self._written: dict[UUID, Health] = {}
        self._health_at: datetime | None = None
        self._values_at: datetime | None = None

    def changed(self) -> None:
        """Some rule was saved or removed: the next look reads them again (it does so by itself every five seconds)."""
        self._changed = True

    async def verdicts(self, services: str | Collection[str] | None, now: datetime) -> list[Change]:
        """What changes now that these services reported; None: look at all of them."""
        await self._reload(now)
        if services is None:
            self._fresh = list(self._rules.all.values())
            return _distinct(await self._waiting(now))
        names = [services] if isinstance(services, str) else list(dict.fromkeys(services))
        for name in names:
            self._looked[name] = now
        rules = [each for each in self._rules.reporting(names, now) if not self.sources.measuring(each).topics]
        return _distinct([*await self._waiting(now), *await self._looker.look(rules, names, now)])

    async def measured(self, source: Source, now: datetime, only: Collection[str] | None = None) -> list[Change]:
        """What changes in what this source measures: of subjects of these texts, or of all, also of those that are no more.

        Rules of long windows are looked at in their own rhythm, and then at all.
        """
        await self._reload(now)
        rules = [each for each in self._rules.all.values() if self.sources.of(each.condition.signal) is source]
        if only is None:
            await self._end(source, rules, now)
        changes = await self._waiting(now)
        if only is None:
            rules = [each for each in rules if self._measured.get(each.id, now) <= now]
            self._measured |= {each.id: now + rhythm(each.condition) for each in rules}
        else:
            rules = [each for each in rules if not rhythm(each.condition)]
        if rules and (only is None or only):
            changes += await self._looker.look(rules, None, now, only)
        return _distinct(changes)

    async def due(self, now: datetime) -> list[Change]:
        """What changes by the passing of time: holding, silence, windows that run empty, and whatever was missed."""
        await self._reload(now)
        changes = await self._waiting(now)
        places = {each for each in self._memory.due(now) | self._rules.owed(now) if each[0] in self._rules.all}
        names = sorted({service for _, service in places if service is not None})
        if names:
            named = dict.fromkeys(rule for rule, service in places if service is not None)
            changes += await self._looker.look([self._rules.all[each] for each in named], names, now)
        if nameless := [self._rules.all[rule] for rule, service in places if service is None]:
            changes += await self._looker.look(nameless, None, now)
        changes += await self._missed(now)
        await self._write(now)
        return _distinct(changes)

    async def settle(self, work: Work, changes: Sequence[Change]) -> list[Change]:
        """Keep changes with this transaction; answers those of subjects that stood as they were thought to."""
        if not changes:
            return []
        ordered = sorted(changes, key=lambda each: (each.rule.id, each.subject.text))
        won = await verdicts.settle(work, ordered)
        lost = [(each.rule.id, each.subject.text) for each in ordered if (each.rule.id, each.subject.text) not in won]
        stand = await verdicts.these(work, lost) if lost else []

        def committed() -> None:
            self._settled([each for each in ordered if (each.rule.id, each.subject.text) in won])
            for each in ordered:
                self._looker.take_up((each.rule.id, each.subject.text))
                if (each.rule.id, each.subject.text) not in won:
                    self._memory.drop(each.rule.id, each.subject)
                    self._closing.pop((each.rule.id, each.subject.text), None)
            for rule, subject, verdict in stand:
                if rule in self._rules.all:
                    self._memory.put(rule, subject, verdict)

        work.afterwards(committed)
        return [each for each in changes if (each.rule.id, each.subject.text) in won]

    def set_aside(self, change: Change, now: datetime, why: str) -> None:
        """Tell in its rule's health that a change could not be acted on, until it is settled or no longer found."""
        self._looker.set_aside(change.rule, change.subject, now, why)

    def rule(self, rule_id: UUID) -> Rule | None:
        """An enabled rule, as it was read last."""
        return self._rules.all.get(rule_id)

    def standing(self, rule_id: UUID, subject: Subject) -> Verdict | None:
        """How a subject stood when it was last looked at."""
        held = self._memory.get(rule_id, subject)
        return held.verdict if held else None

    def _settled(self, changes: Iterable[Change]) -> None:
        for each in changes:
            key = (each.rule.id, each.subject.text)
            if self._closing.pop(key, None) is not None:
                self._forget(each.rule.id, each.subject)
            elif each.rule.id in self._rules.all and each.moved:
                self._memory.put(each.rule.id, each.subject, each.after)

    # Which rules there are.

    async def _reload(self, now: datetime) -> None:
        recent = self._loaded_at is not None and timedelta(0) <= now - self._loaded_at < RELOAD
        if recent and not self._changed:
            return
        async with self.works.read() as work:
            fingerprint = await verdicts.fingerprint(work)
            if fingerprint != self._fingerprint:
                rules = await kept.rules(work)
                stand = await verdicts.load(work, [each.id for each in rules if each.id not in self._rules.all])
                self._take(rules, now)
                disabled = {each.id: each for each in rules if not each.enabled}
                for number, subject, verdict in stand:
                    if number in self._rules.all:
                        self._memory.put(number, subject, verdict)
                    elif number in disabled and verdict.standing in WRONG:
                        self._close(disabled[number], subject, verdict, now, OFF)
        self._fingerprint, self._changed, self._loaded_at = fingerprint, False, now

    async def _waiting(self, now: datetime) -> list[Change]:
        """What is to be closed, and what rules find that are new."""
        changes = list(self._closing.values())
        if self._fresh:
            fresh, self._fresh = self._fresh, []
            try:
                changes += await self._looker.look(fresh, None, now)
            except BaseException:
                self._fresh = fresh + self._fresh
                raise
        return changes

    def _take(self, rules: Sequence[Rule], now: datetime) -> None:
        enabled = [each for each in rules if each.enabled]
        for rule in enabled:
            if self.sources.of(rule.condition.signal) is None:
                self._looker.note(rule, now, 0.0, f"nothing measures the {wording.name(rule.condition)} yet")
        old = self._rules.replace(each for each in enabled if self.sources.of(each.condition.signal) is not None)
        self._fresh = [each for each in self._rules.all.values() if old.get(each.id) != each]
        for number in self._memory.rules():
            before, after = old.get(number), self._rules.all.get(number)
            if after is None or before is None or before.service != after.service or _shape(before) != _shape(after):
                self._leave(before, after, now)

    def _leave(self, before: Rule | None, after: Rule | None, now: datetime) -> None:
        """Close what a rule does not look at any more."""
        rule = before or after
        if rule is None:
            return
        same = after is not None and before is not None and _shape(before) == _shape(after)
        for held in self._memory.of(rule.id):
            if same and after is not None and after.service in (None, held.subject.service):
                continue
            if held.verdict.standing in WRONG:
                self._close(rule, held.subject, held.verdict, now, ELSEWHERE if after else OFF)
            else:
                self._forget(rule.id, held.subject)

    def _close(self, rule: Rule, subject: Subject, verdict: Verdict, now: datetime, reason: str) -> None:
        ended = Verdict(Standing.OK, now, verdict.value, verdict.samples, verdict.observed_at)
        self._closing[rule.id, subject.text] = Change(rule, subject, verdict, ended, reason)

    def _forget(self, rule: UUID, subject: Subject) -> None:
        self._memory.drop(rule, subject)
        self._gone.append((rule, subject))

    async def _end(self, source: Source, rules: Sequence[Rule], now: datetime) -> None:
        """Close what stands of subjects that there are no more."""
        held = [each for rule in rules for each in self._memory.of(rule.id)]
        gone = await source.ended({each.subject for each in held}) if held else {}
        for each in held:
            why = gone.get(each.subject)
            if why is None:
                continue
            if each.verdict.standing in WRONG:
                self._close(self._rules.all[each.rule], each.subject, each.verdict, now, why)
            else:
                self._forget(each.rule, each.subject)

    async def _missed(self, now: datetime) -> list[Change]:
        """Look at services that reported since they were looked at: who stored it may have died before it said so.

        Now and then at the others too.
        """
        missed: list[str] = []
        if self._compared_at is None or now - self._compared_at >= AUDIT:
            self._compared_at = now
            await self._compare()
        if self._audited_at is None or now - self._audited_at >= RECHECK:
            self._audited_at = now
            heard = await self.sources.services(now)
            known = heard.keys() | self._rules.by_service.keys()
            self._looked = {name: at for name, at in self._looked.items() if name in known}
            missed = sorted(name for name in heard if name in self._looked and heard[name] > self._looked[name])
            self._audit = sorted(
                name for name in known if name not in self._looked or now - self._looked[name] >= AUDIT
            )
        if not missed and not self._audit:
            return []
        names, self._audit = self._audit[:AUDITED_AT_ONCE], self._audit[AUDITED_AT_ONCE:]
        return await self.verdicts([*missed, *names], now)

    async def _compare(self) -> None:
        """Go by what is kept where another evaluator moved it without our seeing why, and look at it again."""
        async with self.works.read() as work:
            kept_wrong = {
                (rule, subject.text): (subject, verdict) for rule, subject, verdict in await verdicts.wrong(work)
            }
            lost = [
                (held.rule, held.subject.text)
                for held in self._memory.everything()
                if held.verdict.standing in WRONG and (held.rule, held.subject.text) not in kept_wrong
            ]
            stand = await verdicts.these(work, lost) if lost else []
        stand += [(rule, subject, verdict) for (rule, _), (subject, verdict) in kept_wrong.items()]
        again: set[UUID] = set()
        for rule, subject, verdict in stand:
            held = self._memory.get(rule, subject)
            if rule in self._rules.all and (held is None or held.verdict.standing is not verdict.standing):
                self._memory.put(rule, subject, verdict)
                again.add(rule)
        self._fresh += [self._rules.all[rule] for rule in again]

    # How it went.

    async def _write(self, now: datetime) -> None:
        """Write what is only shown: health, values, and what is gone."""
        if self._health_at is not None and now - self._health_at < HEALTH:
            return
        self._health_at = now
        health = [(rule, each) for rule, each in self._looker.health.items() if self._worth(rule, each)]
        shown: list[Held] = []
        if self._values_at is None or now - self._values_at >= VALUES:
            self._values_at = now
            shown = [held for held in self._memory.everything() if not held.shown]
        gone, end = (
            [(rule, each.text) for rule, each in self._gone if not self._memory.get(rule, each)],
            len(self._gone),
        )
        if not (health or shown or gone):
            return
        async with self.works.begin() as work:
            if health:
                await verdicts.write_health(work, health)
            if shown:
                await verdicts.refresh(work, [(held.rule, held.subject, held.verdict) for held in shown])
            if gone:
                await verdicts.forget(work, gone)
        self._gone = self._gone[end:]
        self._written |= dict(health)
        for held in shown:
            held.shown = True

    def _worth(self, rule: UUID, health: Health) -> bool:
        old = self._written.get(rule)
        return old is None or old.error != health.error or health.at - old.at >= SAME_HEALTH


def _distinct(changes: Iterable[Change]) -> list[Change]:
    """One change a subject, the last that was found."""
    return list({(each.rule.id, each.subject.text): each for each in changes}.values())


def _shape(rule: Rule) -> tuple[Any, ...]:
    """What gives a rule's subjects their names."""
    condition = rule.condition
    return condition.signal, condition.metric, condition.group_by
