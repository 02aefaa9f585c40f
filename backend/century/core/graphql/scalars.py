"""Scalars: instants in time, durations, and columns of numbers."""

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any, NewType

import numpy as np
import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

DateTime = datetime
Duration = timedelta
Count = NewType("Count", int)
Instants = NewType("Instants", object)
Numbers = NewType("Numbers", object)

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DURATION = re.compile(
    r"P(?:(?P<weeks>\d{1,9})W)?(?:(?P<days>\d{1,9})D)?"
    r"(?:T(?:(?P<hours>\d{1,9})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,9}(?:\.\d{1,6})?)S)?)?",
    re.ASCII,
)


def parse_date_time(value: object) -> datetime:
    """An RFC 3339 date and time with its offset, as UTC."""
    if not isinstance(value, str) or not _DATE_TIME.fullmatch(value):
        raise GraphQLError("DateTime must be RFC 3339 with an offset, like 2026-11-24T06:00:00Z")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise GraphQLError("DateTime must be an existing day and time") from error


def print_date_time(value: datetime) -> str:
    """RFC 3339 in UTC, as in 2026-11-24T06:00:00Z."""
    if value.tzinfo is None:
        raise ValueError("a time without a zone has no place in an answer")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_duration(value: object) -> timedelta:
    """An ISO 8601 duration of weeks, days, hours, minutes and seconds (months and years have no fixed length)."""
    matched = _DURATION.fullmatch(value) if isinstance(value, str) else None
    parts = {unit: float(number) for unit, number in matched.groupdict().items() if number} if matched else {}
    if not parts or str(value).endswith("T"):
        raise GraphQLError("Duration must be ISO 8601 in weeks, days, hours, minutes and seconds, like PT15M or P7D")
    try:
        return timedelta(**parts)
    except OverflowError as error:
        raise GraphQLError("Duration is too long") from error


def print_duration(value: timedelta) -> str:
    """ISO 8601 with days as the greatest unit, as in PT15M or P7D."""
    if value < timedelta(0):
        return "-" + print_duration(-value)
    hours, rest = divmod(value.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    fraction = f"{seconds + value.microseconds / 1e6:.6f}".rstrip("0").rstrip(".")
    clock = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M")) if n)
    if fraction != "0":
        clock += f"{fraction}S"
    days = f"{value.days}D" if value.days else ""
    return f"P{days}T{clock}" if clock else f"P{days}" if days else "PT0S"


def print_column(value: Any) -> Any:
    """A numpy array goes as it is (orjson writes it, NaN as null); a sequence as a list without NaN or infinity."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            value = np.where(np.isfinite(value), value, np.nan)
        return np.ascontiguousarray(value)
    return [None if isinstance(each, float) and not math.isfinite(each) else each for each in value]


def _output_only(value: object) -> Any:
    raise GraphQLError("a count or a column cannot be an input")


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime", description="RFC 3339, UTC.", serialize=print_date_time, parse_value=parse_date_time
    ),
    timedelta: strawberry.scalar(
        name="Duration", description="ISO 8601, e.g. PT15M.", serialize=print_duration, parse_value=parse_duration
    ),
    Count: strawberry.scalar(
        name="Count", description="A whole number, beyond 32 bits too.", serialize=int, parse_value=_output_only
    ),
    Instants: strawberry.scalar(
        name="Instants",
        description="A column of instants: an array of Unix seconds.",
        serialize=print_column,
        parse_value=_output_only,
    ),
    Numbers: strawberry.scalar(
        name="Numbers",
        description="A column of numbers: an array of numbers, null where there is none.",
        serialize=print_column,
        parse_value=_output_only,
    ),
}
