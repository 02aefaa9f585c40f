"""The page behind the link of a message: GET shows the alert, POST acknowledges it. Nobody signs in for that."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post

from century.alerts.alert import Alert, AlertState
from century.core.http import client_address
from century.notify import answering, page
from century.notify.answering import Opened
from century.notify.event import Event
from century.notify.links import BadLink
from century.notify.message import AlertBrief, Message, alerts_page, brief, in_order
from century.notify.previews import EVENTS
from century.notify.rendering import since

AnyRequest = Request[Any, Any, Any]
SHOWN = 50


@get("/a/{token:str}")
async def show(request: AnyRequest) -> Response[str]:
    """The alerts of a link as they stand now. It changes nothing."""
    app, token = request.app.state.century, str(request.path_params["token"])
    try:
        opened = await answering.look_up(app.works, app.settings, token, client_address(request))
    except BadLink:
        return _bad(app.settings.public_url, token)
    return _page(opened, app.works.clock.now(), app.settings.public_url)


@post("/a/{token:str}")
async def acknowledge(request: AnyRequest) -> Response[str]:
    """Acknowledge them, then show what came of it."""
    app, token = request.app.state.century, str(request.path_params["token"])
    try:
        await answering.answer(app.works, app.settings, token, client_address(request))
    except BadLink:
        return _bad(app.settings.public_url, token)
    # By another request: whoever loads the page again asks only to see it.
    return _respond("", 303, {"Location": f"/a/{token}"})


routes: list[Any] = [show, acknowledge]


def _page(opened: Opened, now: datetime, public_url: str) -> Response[str]:
    if not opened.alerts:
        return _respond(
            page.message("The alert is gone", "It is over, and no longer kept.", alerts_page(public_url)), 404
        )
    briefs = {each.id: brief(each, "", public_url) for each in opened.alerts}
    states = {each.id: each for each in opened.alerts}
    ordered = in_order(briefs.values())
    shown = [(each, _state(states[each.id]), _since(each, states[each.id], now)) for each in ordered[:SHOWN]]
    count = len(opened.answerable)
    label = (
        "Acknowledge" if len(opened.alerts) == 1 else f"Acknowledge {count if count < len(opened.alerts) else 'all'}"
    )
    html = page.alerts(
        shown,
        len(ordered) - len(shown),
        label if count else None,
        opened.actor.name if opened.actor else "",
        _said(opened),
        well=not count and opened.problem is None and not opened.expired,
    )
    return _respond(html, 200)


def _said(opened: Opened) -> str | None:
    """The sentence above the alerts, where there is something to say."""
    states = {each.state for each in opened.alerts}
    if states == {AlertState.RESOLVED}:
        return "It is over." if len(opened.alerts) == 1 else "All of them are over."
    if AlertState.FIRING not in states:
        names = {
            each.acknowledged_by_name or "somebody" for each in opened.alerts if each.state is AlertState.ACKNOWLEDGED
        }
        return f"Acknowledged by {' and '.join(sorted(names))}. Nobody else is told."
    if opened.answerable:
        return None
    if opened.expired:
        return "This link has expired. Sign in to answer."
    return opened.problem or "It opened again since. The newest message has a link that answers for it."


def _state(alert: Alert) -> str:
    match alert.state:
        case AlertState.FIRING:
            return "Firing"
        case AlertState.ACKNOWLEDGED:
            return f"Acknowledged by {alert.acknowledged_by_name or 'somebody'}"
    return alert.state.value.capitalize()


def _since(shown: AlertBrief, alert: Alert, now: datetime) -> str:
    event = EVENTS.get(alert.state, Event.FIRING)
    return since(shown, Message(event=event, key="", at=now, alerts=(shown,), level=0, page=""))


def _bad(public_url: str, token: str) -> Response[str]:
    if token == "preview":
        html = page.message(
            "Only a preview", "In a real message this button answers for the alert.", alerts_page(public_url)
        )
        return _respond(html, 200)
    sentence = "It may have been cut off on its way. Open the alert from the message, or sign in."
    return _respond(page.message("This link is not complete", sentence, alerts_page(public_url)), 404)


def _respond(html: str, status: int, headers: dict[str, str] | None = None) -> Response[str]:
    said = {
        "Content-Security-Policy": page.POLICY,
        # The address is the key: it must not travel on.
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex, nofollow",
        "Cache-Control": "no-store",
        **(headers or {}),
    }
    return Response(html, status_code=status, media_type="text/html", headers=said)
