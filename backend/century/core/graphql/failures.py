"""What a caller is told of a failure: its code; the unexpected only by a number that the log has too."""

import logging
import secrets
from typing import Any

from graphql import GraphQLError

from century.core.constraints import broken
from century.core.errors import CenturyError, Invalid, RateLimited, Unavailable
from century.core.graphql.permissions import Refused

logger = logging.getLogger("century.graphql")

MAX_MESSAGE = 300
Presented = dict[str, Any]


def cause_of(error: GraphQLError) -> BaseException | None:
    """What was raised beneath the layers of GraphQLError, if anything was."""
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def present(error: GraphQLError) -> Presented:
    """An error of an answer, with its `extensions.code`; the unexpected is logged once and masked."""
    cause = cause_of(error)
    place: Presented = {}
    if error.locations:
        place["locations"] = [{"line": each.line, "column": each.column} for each in error.locations]
    if error.path is not None:
        place["path"] = list(error.path)
    expected = cause if isinstance(cause, CenturyError) else broken(cause)
    if expected:
        return present_expected(expected) | place
    if cause is None and error.path is None:
        return {"message": _short(error.message), "extensions": {"code": Invalid.code}} | place
    return present_unexpected(cause or error, ".".join(str(each) for each in error.path or ())) | place


def present_unexpected(error: BaseException, where: str) -> Presented:
    """A failure that nobody foresaw: logged once, and told only by its number."""
    number = secrets.token_hex(6)
    logger.error("error %s at %s: %s", number, where, type(error).__name__, exc_info=error)
    return {"message": f"something went wrong, quote {number}", "extensions": {"code": "INTERNAL", "id": number}}


def _short(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE else f"{message[:MAX_MESSAGE]}…"


def present_expected(error: CenturyError) -> Presented:
    """An error that a stage raised by name."""
    extensions: Presented = {"code": error.code}
    match error:
        case Invalid(fields=fields):
            extensions["fields"] = [{"field": name, "message": message} for name, message in fields.items()]
        case RateLimited(retry_after=seconds) | Unavailable(retry_after=seconds):
            extensions["retryAfter"] = seconds
        case Refused(paths=paths, permissions=permissions):
            extensions["paths"] = paths
            extensions["permissions"] = [each.name for each in permissions]
    return {"message": error.message, "extensions": extensions}
