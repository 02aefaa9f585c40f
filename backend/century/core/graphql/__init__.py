"""GraphQL for the stages: fields with permissions, scalars, pages, ranges, and the schema that enforces them."""

from century.core.graphql.attributes import Attribute
from century.core.graphql.context import Context, Info
from century.core.graphql.fields import Requires, extends, field, mutation, subscription
from century.core.graphql.ids import id_of, notices
from century.core.graphql.loaders import loaded, together
from century.core.graphql.pages import MAX_FIRST, Page, PageInfo, check_first, decode_cursor, encode_cursor
from century.core.graphql.payloads import DeletedPayload, IdInput, Notice
from century.core.graphql.ranges import TimeRangeInput
from century.core.graphql.scalars import SCALARS, Count, DateTime, Duration, Instants, Numbers

__all__ = [
    "MAX_FIRST",
    "SCALARS",
    "Attribute",
    "Context",
    "Count",
    "DateTime",
    "DeletedPayload",
    "Duration",
    "IdInput",
    "Info",
    "Instants",
    "Notice",
    "Numbers",
    "Page",
    "PageInfo",
    "Requires",
    "TimeRangeInput",
    "check_first",
    "decode_cursor",
    "encode_cursor",
    "extends",
    "field",
    "id_of",
    "loaded",
    "mutation",
    "notices",
    "subscription",
    "together",
]
