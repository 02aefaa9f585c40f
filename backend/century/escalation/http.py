"""Addresses of escalation that are not GraphQL: a schedule as a calendar, at an address that nobody can guess."""

from __future__ import annotations

import base64
import hmac
import re
from typing import Any
from uuid import UUID

from litestar import Request, Response, get
from litestar.params import FromPath

from century.access.key import keyed_hash
from century.core.errors import NotFound
from century.core.settings import Settings
from century.escalation import schedules
from century.escalation.feed import feed

PATH = "/monitoring/schedules"
SUFFIX = ".ics"
_NUMBER = re.compile(r"[1-9]\d{0,8}", re.ASCII)


def calendar_url(settings: Settings, schedule_id: UUID, number: int) -> str:
    """Where a schedule's calendar is read; the address is its own key, until it is given a new `number`."""
    return f"{settings.public_url}{PATH}/{schedule_id}/{_key(settings.secret, str(schedule_id), number)}"


def _key(secret: str, schedule_id: str, number: int) -> str:
    signed = keyed_hash(secret, "calendar", f"{schedule_id} {number}" if number else schedule_id)
    written = base64.urlsafe_b64encode(signed).decode().rstrip("=")
    return f"{number}.{written}{SUFFIX}" if number else f"{written}{SUFFIX}"


def number_of(settings: Settings, schedule_id: str, key: str) -> int:
    """The number of an address that we gave; NotFound for any other."""
    written = key.partition(".")[0]
    number = int(written) if _NUMBER.fullmatch(written) else 0
    made = (_key(each, schedule_id, number) for each in settings.secrets)
    if not any(hmac.compare_digest(key.encode(), each.encode()) for each in made):
        raise NotFound("nothing lies at this address")
    return number


@get(PATH + "/{schedule_id:str}/{key:str}")
async def calendar(request: Request[Any, Any, Any], schedule_id: FromPath[str], key: FromPath[str]) -> Response[bytes]:
    """The feed of a schedule; a wrong address, or one that was replaced, is no address."""
    app = request.app.state.century
    # Before anything is read for somebody unknown.
    number = number_of(app.settings, schedule_id, key)
    async with app.works.read() as work:
        board = await schedules.board(work)
        schedule = board.one(UUID(schedule_id))
        if board.calendars[schedule.id] != number:
            raise NotFound("nothing lies at this address")
        names = {each.id: each.name for each in board.people.values()}
        body = feed(schedule, names, board.changed_at[schedule.id], work.now)
    return Response(body, media_type="text/calendar", headers={"Cache-Control": "private, max-age=300"})


routes: list[Any] = [calendar]
