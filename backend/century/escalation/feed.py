"""A schedule as an iCalendar feed (RFC 5545), for the calendars that people look at anyway."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from icalendar import Calendar, Event, vText

from century.core.timerange import TimeRange
from century.escalation.schedule import Schedule, Shift, shifts

BEHIND, AHEAD = timedelta(days=31), timedelta(days=182)


def feed(schedule: Schedule, names: Mapping[UUID, str], changed_at: datetime, now: datetime) -> bytes:
    """The shifts of the last month and the next half year; a shift keeps its UID from one reading to the next."""
    calendar = Calendar()
    calendar.add("prodid", "-//Century//On call//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", vText(f"On call: {schedule.name}"))
    calendar.add("refresh-interval", timedelta(hours=1), parameters={"VALUE": "DURATION"})
    for shift in shifts(schedule, TimeRange(now - BEHIND, now + AHEAD)):
        calendar.add_component(_event(schedule, shift, names, changed_at))
    return bytes(calendar.to_ical())


def _event(schedule: Schedule, shift: Shift, names: Mapping[UUID, str], changed_at: datetime) -> Event:
    rotation = next((each for each in schedule.rotations if each.id == shift.rotation), None)
    event = Event()
    origin = shift.override or shift.rotation or schedule.id
    event.add("uid", f"{uuid5(origin, f'{shift.person} {shift.start.isoformat()}')}@century")
    event.add("dtstamp", changed_at.replace(microsecond=0))
    event.add("dtstart", shift.start)
    event.add("dtend", shift.end)
    event.add("summary", f"{names.get(shift.person, 'somebody unknown')} on call ({schedule.name})")
    if shift.override:
        event.add("description", "An override of the rotation.")
    elif rotation:
        event.add("description", f"Rotation {rotation.name}.")
    return event
