"""Every fact that a probe can tell: its name, what it is called, and its unit in UCUM."""

from __future__ import annotations

from functools import cache

from century.probes.kind import FactName, ProbeKind
from century.probes.kinds import kind_of, known_kinds

OF_ALL = (
    FactName("probe.ok", "Last check", "1"),
    FactName("probe.latency", "Latency", "s"),
)


def facts_of(kind: ProbeKind) -> tuple[FactName, ...]:
    """The facts of a kind, `up` first, those of every kind last."""
    known = kind_of(kind)
    up = FactName(f"{known.PREFIX}.up", "Up", "1")
    return (up, *(each for each in known.FACTS if each.name != up.name), *OF_ALL)


@cache
def known_facts() -> dict[str, FactName]:
    """Every fact by its name."""
    return {fact.name: fact for kind in known_kinds() for fact in facts_of(kind)} | {fact.name: fact for fact in OF_ALL}


def unit_of(name: str) -> str:
    """The unit of a fact; of one that is not known, none."""
    known = known_facts().get(name)
    return known.unit if known else "1"


def label_of(name: str) -> str:
    """What people call a fact."""
    known = known_facts().get(name)
    return known.label if known else name
