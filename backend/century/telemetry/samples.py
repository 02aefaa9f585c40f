"""Single values that we fetched ourselves, on their way to the tables."""

from __future__ import annotations

from dataclasses import dataclass

from century.telemetry.identity import Form, Kind


@dataclass(frozen=True, slots=True)
class Sample:
    """A value of a metric of a service at an instant (Unix nanoseconds); an `instance` tells its senders apart."""

    service: str
    metric: str
    unit: str
    at: int
    value: float
    attributes: tuple[tuple[str, str], ...] = ()
    kind: Kind = Kind.GAUGE
    monotonic: bool = False
    form: Form = Form.NUMBER
    instance: str = ""
    scope: str = "century.probes"
