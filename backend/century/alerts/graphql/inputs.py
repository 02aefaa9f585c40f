"""What is said with what people do with alerts, and what they are answered."""

from datetime import timedelta

import strawberry

from century.alerts import service
from century.alerts.alert import Alert as TheAlert
from century.alerts.graphql.types import Alert


@strawberry.input
class AlertNoteInput:
    id: strawberry.ID
    note: str | None = None


@strawberry.input
class AlertsNoteInput:
    ids: list[strawberry.ID]
    note: str | None = None


@strawberry.input
class AcknowledgeRuleInput:
    rule: str
    note: str | None = None


@strawberry.input
class SuppressAlertInput:
    id: strawberry.ID
    duration: timedelta
    reason: str


@strawberry.input
class CommentOnAlertInput:
    id: strawberry.ID
    text: str


@strawberry.input
class TickRunbookStepInput:
    id: strawberry.ID
    step: strawberry.ID
    done: bool = True


@strawberry.type
class AlertPayload:
    alert: Alert

    @classmethod
    def of(cls, known: TheAlert) -> "AlertPayload":
        return cls(alert=Alert.of(known))


@strawberry.type(description="An alert that was left as it is, and why.")
class RefusedAlert:
    id: strawberry.ID
    reason: str


@strawberry.type
class AlertsPayload:
    alerts: list[Alert]
    refused: list[RefusedAlert]

    @classmethod
    def of(cls, done: list[TheAlert], refused: list[service.Refused]) -> "AlertsPayload":
        return cls(
            alerts=[Alert.of(each) for each in done],
            refused=[RefusedAlert(id=strawberry.ID(str(each.id)), reason=each.reason) for each in refused],
        )
