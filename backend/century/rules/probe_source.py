"""What probes find: a snapshot of how each stands and of its last facts, kept in memory and brought up to date by what moved."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from century.core.timerange import TimeRange
from century.core.work import Works
from century.probes.kind import ProbeKind
from century.probes.kinds import kind_of
from century.probes.probe import ProbeState
from century.rules import probe_past
from century.rules.condition import Condition, Signal, WhenNoData
from century.rules.memory import rhythm
from century.rules.outside_subjects import (
    HOST,
    LATENCY,
    NETWORK,
    OK,
    PART,
    PROBE,
    concerns,
    fits,
    metric_of,
    of_network,
    of_probe,
)  # fmt: skip
from century.rules.rule import Rule
from century.rules.signals import Found, History, Trace
from century.rules.subject import Subject
from century.rules.verdict import Reading
from century.telemetry.query import Reader
from century.telemetry.raw import asking

MOVED = "probes.moved"
OVERLAP = timedelta(seconds=2)
"""What was written so long before the newest that was seen is read again: it may have been committed after it."""
SEEN_OF_LATE = timedelta(seconds=15)
GONE = timedelta(minutes=5)
"""After so long without a word no worker runs on a machine any more."""
READS = {ProbeState.UP: 1.0, ProbeState.DOUBTFUL: 1.0, ProbeState.DOWN: 0.0}
"""Of the others nobody knows, or another is to blame."""
NOTHING = Reading(None, 0, None)
Filter = tuple[tuple[str, frozenset[str]], ...]

_SNAPSHOT = """
    SELECT p.id, p.name, p.kind, p.enabled, p.service, p.labels, p.interval_s, p.timeout_s, p.shard, n.state, n.checked_at,
        n.ok, n.latency, n.message, n.facts, greatest(p.updated_at, n.updated_at) AS updated_at, p.xmin::text AS made,
        p.xmin::text || ' ' || n.xmin::text AS written
    FROM probe p JOIN probe_now n ON n.probe_id = p.id"""
_THESE = f"{_SNAPSHOT} WHERE p.id = ANY($1::uuid[])"
_WRITTEN = """
    SELECT p.id, p.xmin::text || ' ' || n.xmin::text FROM probe p JOIN probe_now n ON n.probe_id = p.id"""
_WRITTEN_SINCE = f"""{_WRITTEN}
    WHERE p.id IN (SELECT probe_id FROM probe_now WHERE updated_at > $1 UNION SELECT id FROM probe WHERE updated_at > $1)"""
_NETWORKS = """
    SELECT host, bool_or(connected) FILTER (WHERE seen_at > $1) AS connected, max(seen_at) AS seen_at,
        max(reason) FILTER (WHERE seen_at > $1 AND NOT connected) AS reason
    FROM probe_worker GROUP BY host ORDER BY host"""
_LISTENING = "SELECT min(since) FROM probe_worker WHERE connected AND seen_at > $1"


@dataclass(frozen=True, slots=True)
class Seen:
    """A probe as it was found last: `facts` are (part, value) by name, `up` the one that tells its state; `lasts` is how
    long an answer is current, `failure` what the newest check said that failed. `made` and `written` tell versions of its
    rows apart.
    """

    id: UUID
    name: str
    kind: str
    service: str | None
    labels: Mapping[str, str]
    shard: int
    enabled: bool
    state: ProbeState
    ok: bool | None
    checked_at: datetime | None
    lasts: timedelta
    facts: Mapping[str, tuple[tuple[str, float], ...]]
    message: str
    failure: str
    up: str = field(compare=False)
    subjects: Mapping[str, Subject] = field(compare=False)
    attributes: Mapping[str, str] = field(compare=False)
    made: str = field(compare=False)
    written: str = field(compare=False)

    def values(self, metric: str) -> Sequence[tuple[str, float | None]]:
        """(part, value) of a fact, and without a name of its state; what an answer left out is left out."""
        return (("", READS.get(self.state)),) if metric in ("", self.up) else self.facts.get(metric, ())

    def why(self, metric: str) -> str:
        """What is said of a fact that is wrong, where a check says so in words."""
        if metric in ("", self.up):
            return self.failure
        return self.message if metric.endswith(".healthy") else ""


@dataclass(frozen=True, slots=True)
class Network:
    """A machine whose worker asks; `connected` is None where it was not seen of late."""

    host: str
    connected: bool | None
    seen_at: datetime
    reason: str | None


class ProbeSource:
    """Reads probes: their state, their latency and every fact, the newest value or one over a window."""

    signals = frozenset({Signal.PROBE_STATE, Signal.PROBE_LATENCY, Signal.FACT, Signal.TLS_DAYS_LEFT})
    topics = frozenset({MOVED})

    def __init__(self, works: Works, reader: Reader) -> None:
        self.works = works
        self.reader = reader
        self._known: dict[UUID, Seen] = {}
        self._by_text: dict[str, UUID] = {}
        self._newest: datetime | None = None
        self._networks: dict[str, Network] = {}
        self._news: set[str] = set()
        self._read: set[str] = {""}

    async def services(self, now: datetime) -> Mapping[str, datetime]:
        """None: what is watched here does not report."""
        return {}

    async def listening_since(self) -> datetime | None:
        """Since when some worker has been asking, with its own network there."""
        async with asking(self.works.engine) as raw:
            since: datetime | None = await raw.fetchval(_LISTENING, self.works.clock.now() - SEEN_OF_LATE)
        return since

    async def read(
        self, rules: Sequence[Rule], services: Sequence[str] | None, now: datetime, only: Collection[str] | None = None
    ) -> Mapping[UUID, Found]:
        """The newest values, and those over the windows of rules that aggregate."""
        self._read |= {metric_of(rule.condition) for rule in rules if not rhythm(rule.condition)}
        await self._refresh(now)
        wanted = None if services is None else set(services)
        found: dict[UUID, Found] = {}
        for rule in rules:
            if rule.condition.aggregation is not None:
                found[rule.id] = await self._over_window(rule, wanted, now)
            else:
                found[rule.id] = self._newest_of(rule, wanted, now, only)
        return found

    async def ended(self, subjects: Collection[Subject]) -> Mapping[Subject, str]:
        """Probes that were removed, renamed or paused, parts that are not told of any more, workers that are gone."""
        now = self.works.clock.now()
        await self._refresh(now, everything=True)
        by_name = {each.name: each for each in self._known.values()}
        gone: dict[Subject, str] = {}
        for subject in subjects:
            if why := self._gone(subject, by_name, now):
                gone[subject] = why
        return gone

    async def news(self, now: datetime) -> frozenset[str]:
        """What was found otherwise than before."""
        await self._refresh(now)
        news, self._news = frozenset(self._news), set()
        return news

    async def history(self, rule: Rule, span: TimeRange, step: timedelta | None = None) -> History:
        """What a rule would have read: states by the ledger, facts by the stored samples."""
        await self._refresh(self.works.clock.now())
        return await probe_past.history(self.works, self.reader, rule, self._meant(rule), span, step)

    async def evidence(self, rule: Rule, subject: Subject, now: datetime) -> list[Trace]:
        """What a probe told until now."""
        await self._refresh(now)
        mine = [each for each in self._meant(rule) if (PROBE, each.name) in subject.attributes]
        return await probe_past.evidence(self.works, self.reader, rule, mine, subject, now)

    # What there is.

    async def _refresh(self, now: datetime, *, everything: bool = False) -> None:
        """Read what was written since the newest that was seen; with `everything`, also what is gone."""
        async with asking(self.works.engine) as raw:
            if everything or self._newest is None:
                written = await raw.fetch(_WRITTEN)
                kept = {number for number, _ in written}
                self._known = {number: seen for number, seen in self._known.items() if number in kept}
            else:
                written = await raw.fetch(_WRITTEN_SINCE, self._newest - OVERLAP)
            changed = [number for number, version in written if not self._has(number, version)]
            rows = await raw.fetch(_THESE, changed) if changed else []
            networks = await raw.fetch(_NETWORKS, now - SEEN_OF_LATE)
        for row in rows:
            self._take(row)
        if everything:
            self._by_text = {
                subject.text: seen.id for seen in self._known.values() for subject in seen.subjects.values()
            }
        before, self._networks = self._networks, {row["host"]: Network(*row) for row in networks}
        for host, network in self._networks.items():
            if host not in before or before[host].connected is not network.connected:
                self._news.add(of_network(host).text)

    def _has(self, number: UUID, version: str) -> bool:
        seen = self._known.get(number)
        return seen is not None and seen.written == version

    def _take(self, row: Any) -> None:
        held = self._known.get(row["id"])
        seen = self._known[row["id"]] = _seen(row, held)
        if self._newest is None or row["updated_at"] > self._newest:
            self._newest = row["updated_at"]
        if held is None or held.subjects is not seen.subjects:
            self._by_text.update(dict.fromkeys((each.text for each in seen.subjects.values()), seen.id))
        if held is None or held.made != seen.made or self._reads_otherwise(held, seen):
            self._news.update(subject.text for subject in seen.subjects.values())

    def _reads_otherwise(self, held: Seen, seen: Seen) -> bool:
        return any(held.values(metric) != seen.values(metric) for metric in self._read)

    def _gone(self, subject: Subject, by_name: Mapping[str, Seen], now: datetime) -> str | None:
        attributes = dict(subject.attributes)
        if attributes.get("kind") == NETWORK:
            network = self._networks.get(attributes.get(HOST, ""))
            return None if network and now - network.seen_at < GONE else "no worker runs there any more"
        seen = by_name.get(attributes.get(PROBE, ""))
        if seen is None:
            return "the probe was removed, or has another name now"
        if not seen.enabled:
            return "the probe was paused"
        if seen.service != subject.service:
            return "the probe belongs to another service now"
        part = attributes.get(PART)
        if part and seen.ok and part not in seen.subjects:
            return f"the probe tells nothing of {part} any more"
        return None

    # What a rule reads of it.

    def _meant(self, rule: Rule, services: Collection[str] | None = None) -> list[Seen]:
        """The probes that a rule is about; what it filters by parts is told of each of these."""
        return [each for each in self._known.values() if _is_meant(each, rule, _of_probes(rule.condition), services)]

    def _newest_of(
        self, rule: Rule, services: Collection[str] | None, now: datetime, only: Collection[str] | None
    ) -> dict[Subject, Reading]:
        condition, found = rule.condition, dict[Subject, Reading]()
        metric, wanted = metric_of(condition), _of_probes(condition)
        by_part = len(wanted) < len(condition.filter)
        looked_at: Iterable[Seen] = self._known.values()
        if only is not None:
            looked_at = [
                self._known[number] for number in {self._by_text.get(text) for text in only} if number in self._known
            ]
        for seen in looked_at:
            values = seen.values(metric)
            if not values or not _is_meant(seen, rule, wanted, services):
                continue
            for part, value in values:
                subject = seen.subjects[part]
                if not by_part or fits(condition, dict(subject.attributes)):
                    read = reading(condition, value, seen.checked_at, seen.lasts, now)
                    wrong = read.value is not None and condition.breaks(read.value)
                    found[subject] = replace(read, why=why) if wrong and (why := seen.why(metric)) else read
        if condition.signal is Signal.PROBE_STATE and services is None:
            for network in self._networks.values():
                subject = of_network(network.host)
                if network.connected is not None and concerns(rule, subject):
                    said = "" if network.connected else network.reason or ""
                    found[subject] = Reading(float(network.connected), 1, network.seen_at, why=said)
        return found

    async def _over_window(self, rule: Rule, services: Collection[str] | None, now: datetime) -> dict[Subject, Reading]:
        span = TimeRange(now - rule.condition.window, now)
        values = await probe_past.window(self.works, self.reader, rule, self._meant(rule, services), span)
        return {
            subject: Reading(value, samples, now) if samples else NOTHING
            for subject, (value, samples) in values.items()
            if concerns(rule, subject)
        }


def _of_probes(condition: Condition) -> Filter:
    return tuple(each for each in condition.filter if each[0] != PART)


def _is_meant(seen: Seen, rule: Rule, wanted: Filter, services: Collection[str] | None) -> bool:
    return (
        seen.enabled
        and (rule.service is None or rule.service == seen.service)
        and (services is None or seen.service in services)
        and all(seen.attributes.get(key, "") in values for key, values in wanted)
    )


def reading(
    condition: Condition, value: float | None, checked_at: datetime | None, lasts: timedelta, now: datetime
) -> Reading:
    """A value that a check found, as long as it is current."""
    lasts = max(condition.window, lasts)
    if value is None or checked_at is None or now - checked_at > lasts:
        return NOTHING
    # The instant at which silence begins to count is told by what was observed and the window.
    ahead = timedelta(0) if condition.when_no_data is WhenNoData.KEEP else lasts - condition.window
    return Reading(value, 1, checked_at + ahead)


def _seen(row: Any, held: Seen | None) -> Seen:
    facts: dict[str, tuple[tuple[str, float], ...]] = {}
    for each in _json(row["facts"]) or ():
        facts[each["name"]] = (*facts.get(each["name"], ()), (each.get("part") or "", each["value"]))
    if row["ok"] is not None:
        facts[OK] = (("", float(row["ok"])),)
    if row["ok"] and row["latency"] is not None:
        facts[LATENCY] = (("", row["latency"]),)
    parts = {"", *(part for values in facts.values() for part, _ in values)}
    # A check that went well says nothing of why it is down until enough of them did.
    failure = row["message"] if row["ok"] is False else held.failure if held is not None else ""
    now = {
        "state": ProbeState(row["state"]), "ok": row["ok"], "checked_at": row["checked_at"], "facts": facts,
        "message": row["message"], "failure": failure, "written": row["written"],
    }  # fmt: skip
    if held is not None and held.made == row["made"] and held.subjects.keys() == parts:
        return replace(held, **now)
    labels = _json(row["labels"])
    subjects = {part: of_probe(row["name"], row["kind"], row["service"], labels, part) for part in sorted(parts)}
    return Seen(
        id=row["id"], name=row["name"], kind=row["kind"], service=row["service"], labels=labels, shard=row["shard"],
        enabled=row["enabled"], lasts=timedelta(seconds=2 * row["interval_s"] + row["timeout_s"]),
        up=f"{kind_of(ProbeKind(row['kind'])).PREFIX}.up", subjects=subjects, attributes=dict(subjects[""].attributes),
        made=row["made"], **now,
    )  # fmt: skip


def _json(stored: Any) -> Any:
    return orjson.loads(stored) if isinstance(stored, str) else stored
