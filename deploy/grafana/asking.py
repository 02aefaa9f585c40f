"""What a panel asks our GraphQL, as the data source plugin Infinity sends and reads it.

https://grafana.com/docs/plugins/yesoreyeram-infinity-datasource/latest/: its JQ parser (in Grafana's server, so that alerts of
Grafana's may use it) makes rows of an answer, which suits our columns of numbers. Grafana puts the values of its own variables
into a query's text before it is sent: no variable of an operation may be called like one of a dashboard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef

PLUGIN = "yesoreyeram-infinity-datasource"
SOURCE = DataSourceRef(type_val=PLUGIN, uid="${century}")
RANGE = '"range": {"from": "${__from:date:iso}", "to": "${__to:date:iso}"}'
"""What the dashboard shows, as our `TimeRange`."""


@dataclass(frozen=True)
class Column:
    """A value of each row: its name there, what people call it, and its type (`timestamp_epoch_s` is Unix seconds)."""

    selector: str
    text: str
    type: str = "string"


AT = Column("at", "Time", "timestamp_epoch_s")


class Asked(Builder[Dataquery], Dataquery):
    """An operation with its variables, how its answer becomes rows, and their columns."""

    def __init__(self, operation: str, rows: str, *columns: Column, variables: Sequence[str] = (),
                 over_time: bool = False, ref: str = "A") -> None:  # fmt: skip
        self.said: dict[str, Any] = {
            "refId": ref,
            "type": "graphql",
            "source": "url",
            "format": "timeseries" if over_time else "table",
            "url": "/graphql",
            "url_options": {
                "method": "POST",
                "data": "",
                "body_type": "graphql",
                "body_content_type": "application/json",
                "body_graphql_query": operation,
                "body_graphql_variables": f"{{{', '.join(variables)}}}",
            },
            "parser": "jq-backend",
            "root_selector": rows,
            "columns": [{"selector": each.selector, "text": each.text, "type": each.type} for each in columns],
            "filters": [],
            "global_query_id": "",
        }

    def build(self) -> Dataquery:
        return self

    def to_json(self) -> dict[str, Any]:
        """A panel's target."""
        return {"datasource": SOURCE, **self.said}

    def as_variable(self) -> dict[str, object]:
        """The same where it offers a variable's values: columns `__text` and `__value`."""
        return {"queryType": "infinity", "query": "", "infinityQuery": {**self.said, "refId": "variable"}}
