"""Whose a series of remote write is, by its labels: job is the service and instance its instance, the name tells the unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from century.telemetry.exposed import SERVICE, rises, unit_of
from century.telemetry.identity import INSTANCE, Refused
from century.telemetry.otlp import SUM
from century.telemetry.wire import fields, write_bytes

MOST_KNOWN = 100_000
NAME = "__name__"


@dataclass(slots=True)
class Named:
    """Who a series belongs to, as OTLP writes it: the resource, the metric's name and unit, its attributes.

    Its kind is known once it has sent something, or by its name; histograms of custom bounds have these.
    """

    metric: str
    resource: bytes
    head: bytes
    labels: list[bytes]
    attributes: bytes
    rising: bool
    kind: int
    bounds: bytes = b""


class Names:
    """What labels were seen before, as they lie on the wire: one a process."""

    def __init__(self) -> None:
        self._known: dict[bytes | tuple[bytes, ...], Named | str] = {}

    def of(self, key: bytes | tuple[bytes, ...], pairs: Sequence[tuple[bytes, bytes]]) -> Named:
        """The series of these labels. Raises `Refused`."""
        try:
            found: Named | str = named(pairs)
        except Refused as reason:
            found = str(reason)
        if len(self._known) >= MOST_KNOWN:
            # A new dictionary: a large request that is being read in a thread keeps its own.
            self._known = {}
        self._known[key] = found
        return self.found(key) or _never(found)

    def found(self, key: bytes | tuple[bytes, ...]) -> Named | None:
        """The series that was seen with this key, if it was. Raises `Refused`."""
        found = self._known.get(key)
        if isinstance(found, str):
            raise Refused(found)
        return found


def _never(found: Named | str) -> Named:
    if isinstance(found, str):
        raise Refused(found)
    return found


def named(pairs: Sequence[tuple[bytes, bytes]]) -> Named:
    """The series that these labels name. Raises `Refused`."""
    said: dict[str, str] = {}
    try:
        for raw_name, raw_value in pairs:
            name, value = raw_name.decode(), raw_value.decode()
            if name in said:
                raise Refused(f"the label {name[:60]} stands there twice")
            if value:
                said[name] = value
    except UnicodeDecodeError:
        raise Refused("a label is not UTF-8") from None
    metric = said.pop(NAME, "")
    if not metric:
        raise Refused(f"a series must have a name ({NAME})")
    service, instance = said.pop("job", SERVICE), said.pop("instance", "")
    resource = write_bytes(1, _pair("service.name", service))
    if instance:
        resource += write_bytes(1, _pair(INSTANCE, instance))
    unit = unit_of(metric)
    labels = [_pair(name, value) for name, value in sorted(said.items())]
    return Named(
        metric=metric,
        resource=resource,
        head=write_bytes(1, metric.encode()) + (write_bytes(3, unit.encode()) if unit else b""),
        labels=labels,
        attributes=b"".join(write_bytes(7, each) for each in labels),
        rising=rises(metric),
        kind=SUM if rises(metric) else 0,
    )


def pairs_of(labels: bytes) -> list[tuple[bytes, bytes]]:
    """Names and values of label messages one after another."""
    found = []
    for label in fields(labels, 0, len(labels)):
        said = {part.number: labels[part.start : part.stop] for part in fields(labels, label.start, label.stop)}
        found.append((said.get(1, b""), said.get(2, b"")))
    return found


def named_by(refs: Sequence[int], symbols: Sequence[bytes]) -> tuple[bytes, ...]:
    """Names and values in turn. Raises `Refused`."""
    if len(refs) % 2 or any(ref >= len(symbols) for ref in refs):
        raise Refused("its labels must be pairs of symbols that the request holds")
    return tuple(symbols[ref] for ref in refs)


def _pair(key: str, value: str) -> bytes:
    return write_bytes(1, key.encode()) + write_bytes(2, write_bytes(1, value.encode()))
