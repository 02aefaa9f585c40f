"""GraphQL over HTTP: media types, parameters and statuses as its specification has them."""

from dataclasses import dataclass
from typing import Any

import orjson
from graphql import OperationType
from litestar import Request, Response, Router, get, post

from century.core.errors import CenturyError, Invalid
from century.core.graphql.api import EVERYTHING, QUERIES, Answer, Api, refusal
from century.core.graphql.context import Context
from century.core.graphql.guard import MAX_BODY
from century.core.http import authenticate, client_address, error_headers, read_body

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
PATH = "/graphql"

AnyRequest = Request[Any, Any, Any]


class NotAcceptable(CenturyError):
    """No media type that we answer in."""

    code = "INVALID"
    status = 406


class UnsupportedMedia(CenturyError):
    """A body that is not JSON: a form could be sent by any page, JSON asks the browser first."""

    code = "INVALID"
    status = 415


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of one request."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None


def routes(api: Api) -> Router:
    """`/graphql` by GET and POST."""

    @post(PATH, status_code=200, media_type=JSON)
    async def graphql_post(request: AnyRequest) -> Response[bytes]:
        return await _answer(api, request, EVERYTHING)

    @get(PATH, media_type=JSON)
    async def graphql_get(request: AnyRequest) -> Response[bytes]:
        return await _answer(api, request, QUERIES)

    return Router("/", route_handlers=[graphql_post, graphql_get], include_in_schema=False)


async def _answer(api: Api, request: AnyRequest, allowed: frozenset[OperationType]) -> Response[bytes]:
    media = JSON
    try:
        actor = await authenticate(request)
        media = negotiate(request.headers.get("accept"))
        asked = await _read_post(request) if request.method == "POST" else _read_get(request)
    except CenturyError as error:
        # Not a well-formed request: whatever the media type, its status says so.
        return _respond(refusal(error), media, error.status, error_headers(error))
    context = Context(
        app=request.app.state.century,
        actor=actor,
        address=client_address(request),
        request_id=request.scope["state"].get("request_id"),
    )
    answer = await api.run(asked.query, context, asked.variables, asked.operation_name, allowed=allowed)
    if answer.status == 405:
        return _respond(answer, media, 405, {"Allow": "POST"})
    return _respond(answer, media, answer.status if media == GRAPHQL_JSON else 200, {})


def _respond(answer: Answer, media: str, status: int, headers: dict[str, str]) -> Response[bytes]:
    return Response(answer.encode(), status_code=status, media_type=f"{media}; charset=utf-8", headers=headers)


def negotiate(accept: str | None) -> str:
    """The media type to answer in: JSON when nothing is said, the newer one where it is liked at least as much."""
    if not accept or not accept.strip():
        return JSON
    liking: dict[str, float] = {}
    for part in accept.split(","):
        kind, _, parameters = part.partition(";")
        liking[kind.strip().lower()] = _quality(parameters)
    general = liking.get("application/*", liking.get("*/*", 0.0))
    json, graphql_json = liking.get(JSON, general), liking.get(GRAPHQL_JSON, 0.0)
    if graphql_json > 0 and (graphql_json >= json or JSON not in liking):
        return GRAPHQL_JSON
    if json > 0:
        return JSON
    raise NotAcceptable(f"accept {GRAPHQL_JSON} or {JSON}")


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


async def _read_post(request: AnyRequest) -> Asked:
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    if kind.strip().lower() != JSON or "charset" in parameters and "utf-8" not in parameters.lower():
        raise UnsupportedMedia(f"send {JSON} in UTF-8")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMedia("send the body as it is")
    try:
        body = orjson.loads(await read_body(request, MAX_BODY))
    except orjson.JSONDecodeError:
        raise Invalid("the body is not JSON") from None
    if not isinstance(body, dict):
        raise Invalid("the body must be one JSON object")
    return _check(body)


def _read_get(request: AnyRequest) -> Asked:
    given: dict[str, Any] = {}
    for name in ("query", "operationName"):
        if name in request.query_params:
            given[name] = request.query_params[name]
    for name in ("variables", "extensions"):
        if text := request.query_params.get(name):
            try:
                given[name] = orjson.loads(text)
            except orjson.JSONDecodeError:
                raise Invalid(f"{name} must be JSON", field=name) from None
    return _check(given)


def _check(given: dict[str, Any]) -> Asked:
    query, name = given.get("query"), given.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise Invalid("query must be a string with a document", field="query")
    if name is not None and not isinstance(name, str):
        raise Invalid("operationName must be a string", field="operationName")
    for map_name in ("variables", "extensions"):
        if not isinstance(given.get(map_name), dict | None):
            raise Invalid(f"{map_name} must be an object", field=map_name)
    return Asked(query, given.get("variables"), name)
