"""What can go wrong, said once: raise what happened, one place each turns it into GraphQL or problem JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class CenturyError(Exception):
    """An expected failure with a sentence for the caller."""

    code: ClassVar[str] = "INTERNAL"
    status: ClassVar[int] = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unauthenticated(CenturyError):
    """No credentials, or credentials that hold no longer."""

    code = "UNAUTHENTICATED"
    status = 401


class Forbidden(CenturyError):
    """Known, but not allowed."""

    code = "FORBIDDEN"
    status = 403


class NotFound(CenturyError):
    """Nothing of that name or number."""

    code = "NOT_FOUND"
    status = 404


class Conflict(CenturyError):
    """Somebody was faster, or the state does not allow it."""

    code = "CONFLICT"
    status = 409


class Invalid(CenturyError):
    """Input that cannot be taken; `fields` says for each field what would be right."""

    code = "INVALID"
    status = 400

    def __init__(self, message: str, field: str | None = None, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields: dict[str, str] = dict(fields or ({field: message} if field else {}))


class TooLarge(CenturyError):
    """More bytes than we take."""

    code = "TOO_LARGE"
    status = 413


class RateLimited(CenturyError):
    """Too often; `retry_after` seconds from now it may go through."""

    code = "RATE_LIMITED"
    status = 429

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(CenturyError):
    """We cannot do it now; `retry_after` seconds from now it may go through."""

    code = "UNAVAILABLE"
    status = 503

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after
