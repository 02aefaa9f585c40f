"""The guide's addresses: a browser gets the console at that page, a program the answer to a stored GraphQL operation."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLError
from litestar import Request, Response, Router, get

from century.core.errors import Invalid
from century.core.graphql import Context
from century.core.graphql.api import QUERIES, Answer, Api
from century.core.graphql.scalars import parse_date_time, parse_duration
from century.core.http import authenticate, client_address
from century.pages import INDEX, Console, wants_page

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


def status_of(answer: Answer) -> int:
    """The HTTP status of an answer read as a document: that of its first error."""
    if not answer.errors:
        return 200
    return STATUSES.get(answer.errors[0]["extensions"]["code"], answer.status if answer.status >= 400 else 500)


def routes(api: Api, console: Console) -> Router:
    """`/monitoring/performance`, by whoever reads it."""

    @get("/monitoring/performance")
    async def performance(request: AnyRequest) -> Response[bytes]:
        if wants_page(request):
            response = await console.respond(request, INDEX)
            response.headers["Vary"] = "Accept, Accept-Encoding"
            return response
        context = Context(
            app=request.app.state.century, actor=await authenticate(request), address=client_address(request)
        )
        variables: dict[str, Any] = {"range": read_range(request)}
        if service := request.query_params.get("service"):
            answer = await api.run(PERFORMANCE_OF_ONE, context, variables | {"service": service}, allowed=QUERIES)
        else:
            answer = await api.run(PERFORMANCE_OF_ALL, context, variables, allowed=QUERIES)
        headers = {"Vary": "Accept"}
        return Response(answer.encode(), status_code=status_of(answer), media_type="application/json", headers=headers)

    return Router("/", route_handlers=[performance], include_in_schema=False)
