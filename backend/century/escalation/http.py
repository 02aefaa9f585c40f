"""Addresses of escalation that are not GraphQL: a schedule as a calendar, at an address that nobody can guess."""

from __future__ import annotations

import base64
import hmac
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


def calendar_url(settings: Settings, schedule_id: UUID) -> str:
    """Where a schedule's calendar is read; the address is its own key."""
    return f"{settings.public_url}{PATH}/{schedule_id}/{_signature(settings, str(schedule_id))}{SUFFIX}"


def _signature(settings: Settings, schedule_id: str) -> str:
    signed = keyed_hash(settings.secret, "calendar", schedule_id)
    return base64.urlsafe_b64encode(signed).decode().rstrip("=")


@get(PATH + "/{schedule_id:str}/{key:str}")
async def calendar(request: Request[Any, Any, Any], schedule_id: FromPath[str], key: FromPath[str]) -> Response[bytes]:
    """The feed of a schedule; a wrong address is no address."""
    app = request.app.state.century
    if not hmac.compare_digest(key.encode(), (_signature(app.settings, schedule_id) + SUFFIX).encode()):
        raise NotFound("nothing lies at this address")
    async with app.works.read() as work:
        board = await schedules.board(work)
        schedule = board.one(UUID(schedule_id))
        names = {each.id: each.name for each in board.people.values()}
        body = feed(schedule, names, board.changed_at[schedule.id], work.now)
    return Response(body, media_type="text/calendar", headers={"Cache-Control": "private, max-age=300"})


routes: list[Any] = [calendar]
