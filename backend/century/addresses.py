"""The guide's addresses: a browser gets the console at that page, a program the answer to a stored GraphQL operation."""

from __future__ import annotations

import html
from datetime import datetime, timedelta
from typing import Any

import orjson
from graphql import GraphQLError
from litestar import Request, Response, Router, get, post

from century.core.errors import Invalid, NotFound
from century.core.graphql import Context
from century.core.graphql.api import EVERYTHING, QUERIES, Answer, Api
from century.core.graphql.scalars import parse_date_time, parse_duration, print_date_time
from century.core.http import authenticate, client_address, read_body
from century.pages import INDEX, Console, wants_page
from century.rules import runbook

AnyRequest = Request[Any, Any, Any]

FIGURES = """
fragment Figures on Performance {
  from
  to
  requestCount
  errorCount
  throughput
  errorRate
  availability
  apdex
  latency { avg p50 p95 p99 max approximate }
  cpuUtilization
  memoryUtilization
  targets { name objective comparison unit actual met }
  routes(first: 10) { nodes { method route requestCount errorRate throughput latency { avg p95 } } }
}
"""
PERFORMANCE_OF_ALL = f"""
query Performance($range: TimeRange!) {{
  services {{ name health lastSeenAt }}
  performance(range: $range) {{ ...Figures }}
}}
{FIGURES}"""
PERFORMANCE_OF_ONE = f"""
query Performance($service: String!, $range: TimeRange!) {{
  service(name: $service) {{ name health lastSeenAt performance(range: $range) {{ ...Figures }} }}
}}
{FIGURES}"""
OUTSIDE = """
fragment ProbeNow on Probe {
  id name kind target state since reason service nextCheckAt
  lastCheck { at ok state latency message facts { name value unit part } }
  uptime(range: $range)
  openAlerts { critical warning info }
}
fragment HeartbeatNow on Heartbeat {
  id name state since schedule lastPingAt expectedBy lastDuration service uptime(range: $range)
  openAlerts { critical warning info }
}
"""
INFRASTRUCTURE_OF_ALL = f"""
query Infrastructure($range: TimeRange!) {{
  probes {{ ...ProbeNow }}
  heartbeats {{ ...HeartbeatNow }}
  probeWorkers {{ host connected since reason seenAt checksPerSecond lateness }}
}}
{OUTSIDE}"""
INFRASTRUCTURE_OF_ONE = f"""
query Infrastructure($service: String!, $range: TimeRange!) {{
  service(name: $service) {{ name probes {{ ...ProbeNow }} heartbeats {{ ...HeartbeatNow }} }}
}}
{OUTSIDE}"""
ALERTS = """
query Alerts($filter: AlertFilter!, $first: Int!, $after: String) {
  alerts(filter: $filter, first: $first, after: $after) {
    totalCount
    pageInfo { endCursor hasNextPage }
    nodes {
      id state severity summary subject ruleName value threshold unit openedAt acknowledgedAt acknowledgedBy { name }
      suppressedUntil resolvedAt responseDueAt service { name } rule { name runbookUrl } heldBy { kind until reason }
    }
  }
}"""
ACKNOWLEDGE = """
mutation AcknowledgeRule($rule: String!, $note: String) {
  acknowledgeAlertsOfRule(input: { rule: $rule, note: $note }) {
    alerts { id state subject acknowledgedAt acknowledgedBy { name } }
    refused { id reason }
  }
}"""
RUNBOOKS = "query Runbooks { rules { name runbook } }"
STATES = ("pending", "firing", "acknowledged", "resolved")
OPEN = ("firing", "acknowledged")
SEVERITIES = ("critical", "warning", "info")
ALERTS_AT_ONCE = 50
LARGEST_NOTE = 16 * 1024
RUNBOOK_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{name}</title></head><body><main><h1>{name}</h1>
{body}</main></body></html>
"""
DEFAULT_LAST = "PT1H"
STATUSES = {"FORBIDDEN": 403, "NOT_FOUND": 404, "CONFLICT": 409, "INVALID": 400, "RATE_LIMITED": 429, "INTERNAL": 500}


def read_range(request: AnyRequest) -> dict[str, str]:
    """`?last=`, or `?from=` and `&to=`; the last hour where nothing is said. Invalid names the parameter."""
    given = {name: request.query_params[name] for name in ("last", "from", "to") if name in request.query_params}
    for name, text in given.items():
        try:
            parse_duration(text) if name == "last" else parse_date_time(text)
        except GraphQLError as error:
            raise Invalid(error.message, field=name) from None
    return given or {"last": DEFAULT_LAST}


def read_filter(request: AnyRequest, now: datetime) -> dict[str, Any]:
    """What `/monitoring/alerts` is asked for: the open alerts, or with a range those that opened in it. Invalid."""
    given = request.query_params
    wanted: dict[str, Any] = {name: given[name] for name in ("service", "subject", "text") if name in given}
    for name, plural, known in (("state", "states", STATES), ("severity", "severities", SEVERITIES)):
        if name in given:
            words = [each.strip().lower() for each in given[name].split(",")]
            if unknown := next((each for each in words if each not in known), None):
                raise Invalid(f"{unknown!r} is none of {', '.join(known)}", field=name)
            wanted[plural] = [each.upper() for each in words]
    if any(name in given for name in ("last", "from", "to")):
        said = read_range(request)
        if "last" in said:
            last: timedelta = parse_duration(said["last"])
            try:
                wanted["openedFrom"] = print_date_time(now - last)
            except OverflowError:
                raise Invalid("last is too long", field="last") from None
        wanted |= {key: said[name] for name, key in (("from", "openedFrom"), ("to", "openedTo")) if name in said}
    elif "states" not in wanted:
        wanted["states"] = [each.upper() for each in OPEN]
    return wanted


def read_first(request: AnyRequest) -> int:
    """How many are asked for at once; Invalid."""
    said = request.query_params.get("first", str(ALERTS_AT_ONCE))
    if not (said.isascii() and said.isdecimal() and len(said) <= 4):
        raise Invalid("first must be a number", field="first")
    return int(said)


async def read_note(request: AnyRequest) -> str | None:
    """The name in the body of an acknowledgement, as a note: who did it is the token's owner. Invalid."""
    body = await read_body(request, LARGEST_NOTE)
    if not body:
        return None
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Invalid('the body must be JSON like {"acknowledged_by": "a name"}') from None
    name = said.get("acknowledged_by") if isinstance(said, dict) else said
    if name is not None and not isinstance(name, str):
        raise Invalid("acknowledged_by must be a name", field="acknowledged_by")
    return f"acknowledged by {name.strip()}" if name and name.strip() else None


def status_of(answer: Answer) -> int:
    """The HTTP status of an answer read as a document: that of its first error."""
    if not answer.errors:
        return 200
    return STATUSES.get(answer.errors[0]["extensions"]["code"], answer.status if answer.status >= 400 else 500)


def routes(api: Api, console: Console) -> Router:
    """The addresses of the guide, by whoever reads them."""

    async def context_of(request: AnyRequest) -> Context:
        app = request.app.state.century
        return Context(app=app, actor=await authenticate(request), address=client_address(request))

    async def page_of(request: AnyRequest) -> Response[bytes]:
        response = await console.respond(request, INDEX)
        response.headers["Vary"] = "Accept, Accept-Encoding"
        return response

    def document(answer: Answer) -> Response[bytes]:
        headers = {"Vary": "Accept"}
        return Response(answer.encode(), status_code=status_of(answer), media_type="application/json", headers=headers)

    async def over_time(request: AnyRequest, of_all: str, of_one: str) -> Response[bytes]:
        """Of all services, or of the one that is asked for, in a range."""
        if wants_page(request):
            return await page_of(request)
        context = await context_of(request)
        variables: dict[str, Any] = {"range": read_range(request)}
        if service := request.query_params.get("service"):
            return document(await api.run(of_one, context, variables | {"service": service}, allowed=QUERIES))
        return document(await api.run(of_all, context, variables, allowed=QUERIES))

    @get("/monitoring/performance")
    async def performance(request: AnyRequest) -> Response[bytes]:
        return await over_time(request, PERFORMANCE_OF_ALL, PERFORMANCE_OF_ONE)

    @get("/monitoring/infrastructure")
    async def infrastructure(request: AnyRequest) -> Response[bytes]:
        return await over_time(request, INFRASTRUCTURE_OF_ALL, INFRASTRUCTURE_OF_ONE)

    @get("/monitoring/alerts")
    async def alerts(request: AnyRequest) -> Response[bytes]:
        if wants_page(request):
            return await page_of(request)
        context = await context_of(request)
        variables = {
            "filter": read_filter(request, context.works.clock.now()),
            "first": read_first(request),
            "after": request.query_params.get("after"),
        }
        return document(await api.run(ALERTS, context, variables, allowed=QUERIES))

    @post("/monitoring/alerts/{rule:str}/acknowledge", status_code=200)
    async def acknowledge(request: AnyRequest) -> Response[bytes]:
        context = await context_of(request)
        variables = {"rule": request.path_params["rule"], "note": await read_note(request)}
        return document(await api.run(ACKNOWLEDGE, context, variables, allowed=EVERYTHING))

    @get("/monitoring/runbooks/{rule:str}")
    async def runbook_of(request: AnyRequest) -> Response[bytes]:
        rule: str = request.path_params["rule"]
        if wants_page(request) and "authorization" not in request.headers:
            return await page_of(request)
        answer = await api.run(RUNBOOKS, await context_of(request), allowed=QUERIES)
        if answer.errors or answer.data is None:
            return document(answer)
        text = next((each["runbook"] for each in answer.data["rules"] if each["name"] == rule), None)
        if text is None:
            raise NotFound(f"no rule named {rule!r}")
        headers = {"Vary": "Accept, Authorization"}
        if wants_page(request):
            page = RUNBOOK_PAGE.format(name=html.escape(rule), body=runbook.html(text))
            return Response(page.encode(), media_type="text/html", headers=headers)
        return Response(text.encode(), media_type="text/markdown", headers=headers)

    handlers = [performance, infrastructure, alerts, acknowledge, runbook_of]
    return Router("/", route_handlers=handlers, include_in_schema=False)
