"""Single values that we fetched ourselves, on their way to the tables."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import orjson

from century.telemetry.batch import Batch, Discovery
from century.telemetry.block import EMPTY, Block, Numbers, section
from century.telemetry.identity import LONGEST_NAME, LONGEST_VALUE, MOST_ATTRIBUTES, Form, Kind, Stream, clean
from century.telemetry.judge import NOT_FINITE
from century.telemetry.refusals import Refusals

MOST_KNOWN = 100_000

Attributes = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """A value of a metric of a service at an instant (Unix nanoseconds); an `instance` tells its senders apart."""

    service: str
    metric: str
    unit: str
    at: int
    value: float
    attributes: Attributes = ()
    kind: Kind = Kind.GAUGE
    monotonic: bool = False
    form: Form = Form.NUMBER
    instance: str = ""
    scope: str = "century.probes"


class Recorder:
    """Makes batches of samples; the series of what was seen before need no discovery."""

    def __init__(self) -> None:
        self._streams: dict[tuple[str, ...], Stream] = {}
        self._known = 0
        self._places: dict[tuple[object, ...], tuple[Stream, bytes]] = {}

    def batch(self, samples: Iterable[Sample]) -> Batch:
        """The samples of numbers as a batch; what cannot be kept is refused in it."""
        if self._known > MOST_KNOWN:
            self._streams.clear()
            self._places.clear()
            self._known = 0
        refusals = Refusals()
        services: dict[str, int] = {}
        discoveries: list[Discovery] = []
        pending: dict[tuple[int, bytes], int] = {}
        series: list[int] = []
        owners: list[int] = []
        at: list[int] = []
        values: list[float] = []
        for each in samples:
            if not math.isfinite(each.value):
                refusals.add(each.metric, NOT_FINITE)
                continue
            place = (
                each.service, each.metric, each.attributes, each.unit, each.kind, each.form, each.instance, each.scope,
            )  # fmt: skip
            if (known := self._places.get(place)) is None:
                if reason := _wrong(each):
                    refusals.add(each.metric, reason)
                    continue
                known = self._places[place] = (self._stream(each), orjson.dumps(each.attributes))
            stream, key = known
            number = stream.ids.get(key) or pending.get((id(stream), key), 0)
            if not number:
                attributes = {clean(name): clean(value) for name, value in each.attributes}
                discoveries.append(Discovery(stream, key, attributes))
                number = pending[id(stream), key] = -len(discoveries)
                self._known += 1
            series.append(number)
            owners.append(services.setdefault(each.service, len(services)))
            at.append(each.at)
            values.append(each.value)
        numbers = section(Numbers, series=series, at=at, start=[0] * len(at), value=values)
        nobody = np.zeros(0, np.int32)
        whose = (np.array(owners, np.int32), nobody, nobody) if len(services) > 1 else None
        return Batch(Block(numbers, EMPTY.sketches, EMPTY.explicits), list(services), whose, discoveries, refusals)

    def _stream(self, sample: Sample) -> Stream:
        key = (sample.service, sample.instance, sample.scope, sample.metric, sample.unit, sample.kind, sample.form)
        known = self._streams.get(key)
        if known is None:
            known = self._streams[key] = Stream(
                clean(sample.service), clean(sample.instance), sample.scope, clean(sample.metric), clean(sample.unit),
                "", sample.kind, sample.monotonic, sample.form,
            )  # fmt: skip
        return known


def _wrong(sample: Sample) -> str | None:
    if len(sample.metric) > LONGEST_NAME:
        return f"a metric's name may have {LONGEST_NAME} characters"
    if len(sample.attributes) > MOST_ATTRIBUTES:
        return f"a series may have {MOST_ATTRIBUTES} attributes and this one has {len(sample.attributes)}"
    if any(len(name) > LONGEST_NAME or len(value) > LONGEST_VALUE for name, value in sample.attributes):
        return f"an attribute's value may have {LONGEST_VALUE} characters"
    return None
