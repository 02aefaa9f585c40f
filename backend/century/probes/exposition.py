"""An exposition of metrics as samples: Prometheus' text format, and OpenMetrics."""

from __future__ import annotations

import io
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TextIO, cast

import re2  # type: ignore[import-untyped]
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_fd_to_metric_families as read_openmetrics
from prometheus_client.parser import text_fd_to_metric_families as read_text
from prometheus_client.samples import Sample as Exposed

from century.telemetry.exposed import SCOPE, rises, unit_of
from century.telemetry.identity import LONGEST_NAME, LONGEST_VALUE, MOST_ATTRIBUTES, Form, Kind
from century.telemetry.samples import Sample

MOST_SAMPLES = 50_000
# The parsers go over a line more than once.
LONGEST_LINE = 16 * 1024
OPENMETRICS = "application/openmetrics-text"
TEXT = ("", "text/plain", "application/octet-stream")
# So far from now a timestamp may lie.
OLDEST_SECONDS, NEWEST_SECONDS = 3_600.0, 600.0


class NoExposition(ValueError):
    """A body that is none, with a sentence that says where."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """What an exposition told, and how many samples were left out for which reason."""

    samples: Sequence[Sample]
    dropped: Counter[str]


def parse(
    body: bytes,
    content_type: str,
    *,
    service: str,
    instance: str,
    at: float,
    keep: Sequence[Any] = (),
    honor_timestamps: bool = True,
    is_late: Callable[[], bool] = lambda: False,
) -> Scrape:
    """The samples of an exposition, taken `at` (Unix seconds). `keep`: only metrics with a name that one of these fits.
    `is_late` says whether nobody waits for them any more: lines can be written that take long to read.

    Raises NoExposition.
    """
    found: list[Sample] = []
    dropped: Counter[str] = Counter()
    seen = 0
    for exposed in _exposed(body, content_type, is_late):
        seen += 1
        if seen > MOST_SAMPLES:
            raise NoExposition(
                f"it exposes more than {MOST_SAMPLES:,} samples: leave metrics out with “keep” at its end"
            )
        why = _left_out(exposed, keep) or _odd(exposed)
        moment = at
        if why is None and honor_timestamps and exposed.timestamp is not None:
            moment = float(exposed.timestamp)
            if not at - OLDEST_SECONDS <= moment <= at + NEWEST_SECONDS:
                why = "timestamps that are too far from now"
        if why is not None:
            dropped[why] += 1
            continue
        found.append(_sample(exposed, service, instance, moment))
    return Scrape(found, dropped)


def keeping(lines: Iterable[str]) -> list[Any]:
    """The expressions of a `keep` field; ValueError says which line is none."""
    options = re2.Options()
    options.log_errors = False
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(re2.compile(line, options=options))
        except re2.error as error:
            said = error.args[0] if error.args else error
            said = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
            raise ValueError(f"line {number} is no RE2 expression: {said}") from None
    return found


def _sample(exposed: Exposed, service: str, instance: str, moment: float) -> Sample:
    rising = rises(exposed.name)
    return Sample(
        service=service,
        metric=exposed.name,
        unit=unit_of(exposed.name),
        at=round(moment * 1e9),
        value=exposed.value,
        attributes=tuple(sorted(exposed.labels.items())),
        kind=Kind.SUM if rising else Kind.GAUGE,
        monotonic=rising,
        form=Form.CUMULATIVE if rising else Form.NUMBER,
        instance=instance,
        scope=SCOPE,
    )


def _left_out(exposed: Exposed, keep: Sequence[Any]) -> str | None:
    if keep and not any(each.fullmatch(exposed.name) for each in keep):
        return "metrics that are not kept"
    # When a counter began to count, for every one of its series: nobody asks for it, and it doubles what is stored.
    return "creation times" if exposed.name.endswith("_created") else None


def _odd(exposed: Exposed) -> str | None:
    if not math.isfinite(exposed.value):
        return "values that are no numbers"
    if len(exposed.labels) > MOST_ATTRIBUTES:
        return f"samples of more than {MOST_ATTRIBUTES} labels"
    if len(exposed.name) > LONGEST_NAME or any(
        len(name) > LONGEST_NAME or len(value) > LONGEST_VALUE or "\0" in value
        for name, value in exposed.labels.items()
    ):
        return "names or labels that are too long"
    return None


def _exposed(body: bytes, content_type: str, is_late: Callable[[], bool]) -> Iterator[Exposed]:
    kind, _, _ = content_type.partition(";")
    kind = kind.strip().lower()
    reader: Callable[[TextIO], Iterable[Metric]]
    if kind == OPENMETRICS:
        reader = read_openmetrics
    elif kind in TEXT:
        reader = read_text
    else:
        raise NoExposition(f"it answers {kind[:60]}, and no text of metrics")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoExposition(f"it is no UTF-8 from byte {error.start + 1} on") from None
    lines = _Lines(text, is_late)
    try:
        for family in reader(cast("TextIO", lines)):
            yield from family.samples
    except NoExposition:
        raise
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        said = " ".join(str(error).split())[:120]
        raise NoExposition(f"line {lines.number} is none of an exposition{': ' + said if said else ''}") from None


class _Lines:
    """The lines of a text, for a parser that reads a file; `number` is how far it is."""

    def __init__(self, text: str, is_late: Callable[[], bool]) -> None:
        self._text = io.StringIO(text)
        self._is_late = is_late
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._text:
            self.number += 1
            if len(line) > LONGEST_LINE:
                raise NoExposition(f"line {self.number} is longer than {LONGEST_LINE // 1024} KiB")
            if self._is_late():
                raise NoExposition(f"it takes too long to read: given up at line {self.number}")
            yield line
