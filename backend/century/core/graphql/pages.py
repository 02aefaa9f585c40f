"""Pages of growing lists: how many, after which, and what comes next."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import orjson
import strawberry

from century.core.errors import Invalid

MAX_FIRST = 100
MAX_CURSOR = 2_048

Part = str | int | float | None
Row = TypeVar("Row")


def check_first(first: int) -> int:
    """`first` as asked for, or Invalid unless it lies in 1..100."""
    if not 1 <= first <= MAX_FIRST:
        raise Invalid(f"first must lie between 1 and {MAX_FIRST}", field="first")
    return first


def encode_cursor(*parts: Part) -> str:
    """An opaque cursor of the values a list is ordered by."""
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def decode_cursor(cursor: str) -> list[Part]:
    """The values of a cursor made by `encode_cursor`; anything else is Invalid."""
    try:
        if len(cursor) > MAX_CURSOR:
            raise ValueError("too long")
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        parts = orjson.loads(raw)
    except (ValueError, binascii.Error) as error:
        raise Invalid("after is not a cursor of this list", field="after") from error
    if not isinstance(parts, list) or not all(each is None or isinstance(each, str | int | float) for each in parts):
        raise Invalid("after is not a cursor of this list", field="after")
    return parts


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of a longer list, where they end, and whether more follow."""

    nodes: Sequence[Row]
    end_cursor: str | None
    has_next_page: bool

    @classmethod
    def cut(cls, rows: Sequence[Row], first: int, key: Callable[[Row], tuple[Part, ...]]) -> "Page[Row]":
        """A page of the first rows out of up to `first + 1` that were read; `key` gives what the list is ordered by."""
        nodes = rows[:first]
        return cls(nodes, encode_cursor(*key(nodes[-1])) if nodes else None, len(rows) > first)


@strawberry.type
class PageInfo:
    """Where a page ends: pass `endCursor` as `after` for what follows."""

    end_cursor: str | None
    has_next_page: bool

    @classmethod
    def of(cls, page: Page[Row]) -> "PageInfo":
        return cls(end_cursor=page.end_cursor, has_next_page=page.has_next_page)
