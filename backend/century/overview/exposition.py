"""Figures as Prometheus reads them: families of series, merged from several processes, bounded, and written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, choose_encoder, generate_latest

MOST_SERIES = 10_000
LEFT_OUT = "century_series_left_out"

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Family:
    """Series of one name: (the sample's name, its labels, its value) each."""

    name: str
    help: str
    kind: str
    samples: Sequence[tuple[str, Labels, float]]


def gauge(name: str, help: str, values: Iterable[tuple[Labels, float]]) -> Family:
    """A family of levels."""
    return Family(name, help, "gauge", [(name, labels, value) for labels, value in values])


def merge(snapshots: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Family]:
    """What several processes counted (`Meters.snapshot`), each series with the label `process`."""
    families: dict[str, Family] = {}
    for process, told in sorted(snapshots.items()):
        for each in told:
            family = families.setdefault(each["name"], Family(each["name"], each["help"], each["kind"], []))
            samples = [(name, {**labels, "process": process}, value) for name, labels, value in each["samples"]]
            families[each["name"]] = Family(family.name, family.help, family.kind, [*family.samples, *samples])
    return list(families.values())


def bounded(families: Iterable[Family], most: int = MOST_SERIES) -> list[Family]:
    """The first so many series, and how many were left out; those that come first matter most."""
    kept: list[Family] = []
    room, left_out = most - 1, 0
    for family in families:
        samples = family.samples[:room]
        room -= len(samples)
        left_out += len(family.samples) - len(samples)
        kept.append(Family(family.name, family.help, family.kind, samples))
    return [*kept, gauge(LEFT_OUT, f"Series beyond {most}, which are not shown.", [({}, float(left_out))])]


def media_of(accept: str) -> str:
    """The media type that an Accept header is answered in."""
    return _encoder(accept)[1]


def render(families: Iterable[Family], accept: str) -> bytes:
    """The families as text of version 0.0.4, or as OpenMetrics where that is accepted."""
    encode, _ = _encoder(accept)
    return bytes(encode(_Written(families)))


def _encoder(accept: str) -> tuple[Any, str]:
    try:
        return choose_encoder(accept)
    except (ValueError, TypeError):
        # A version that is none.
        return generate_latest, CONTENT_TYPE_PLAIN_0_0_4


class _Written:
    """The families as the library collects them."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        for family in self._families:
            metric = Metric(family.name, family.help, family.kind)
            for name, labels, value in family.samples:
                metric.add_sample(name, dict(labels), value)
            yield metric
