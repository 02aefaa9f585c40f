"""The range of time that a field is asked for."""

from datetime import UTC, datetime, timedelta

import strawberry

from century.core.errors import Invalid
from century.core.timerange import TimeRange

LONGEST = timedelta(days=400)


@strawberry.input(name="TimeRange", description="Either `last`, or `from` with `to` (by default now).")
class TimeRangeInput:
    last: timedelta | None = None
    from_: datetime | None = strawberry.field(name="from", default=None)
    to: datetime | None = None

    def resolve(self, now: datetime) -> TimeRange:
        """The range meant at `now`; Invalid when it says nothing, says two things, is empty or longer than 400 days."""
        if self.last is not None:
            if self.from_ is not None or self.to is not None:
                raise Invalid("give either last, or from and to", field="range")
            if self.last <= timedelta(0):
                raise Invalid("last must be longer than nothing", field="range")
            if self.last > LONGEST:
                raise Invalid(f"a range may span {LONGEST.days} days at most", field="range")
            return TimeRange(now - self.last, now)
        if self.from_ is None:
            raise Invalid("a range needs last, or from", field="range")
        end = (self.to or now).astimezone(UTC)
        start = self.from_.astimezone(UTC)
        if start >= end:
            raise Invalid("from must lie before to", field="range")
        if end - start > LONGEST:
            raise Invalid(f"a range may span {LONGEST.days} days at most", field="range")
        return TimeRange(start, end)
