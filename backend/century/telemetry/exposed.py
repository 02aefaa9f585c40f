"""What the name of one of Prometheus' metrics tells. Whichever way a metric comes, by a scrape or by remote write, it is
the same series then: types are told apart from samples there, and late.
"""

from __future__ import annotations

SCOPE = "prometheus"
SERVICE = "prometheus"
"""Who sends what names no job."""
RISING = ("_total", "_count", "_sum", "_bucket")
UNITS = (("_seconds", "s"), ("_bytes", "By"), ("_ratio", "1"), ("_celsius", "Cel"), ("_meters", "m"), ("_volts", "V"))


def rises(name: str) -> bool:
    """Whether a metric rises until what it counts restarts."""
    return name.endswith(RISING)


def unit_of(name: str) -> str:
    """The unit in a metric's name, in UCUM; none where it says none."""
    if name.endswith(("_count", "_bucket")):
        return "1"
    base = name.removesuffix("_total").removesuffix("_sum")
    return next((unit for suffix, unit in UNITS if base.endswith(suffix)), "")
