"""A rule: a condition with its scope, its severity, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from century.rules.condition import Condition
from century.rules.objective import Objective
from century.rules.severity import Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """What counts as wrong, of whom, how bad that is and what helps.

    Without `service` each service is judged apart. `routes` are patterns of routes (`*` stands for anything), any of
    which a request's route must match; `critical_routes` adds those that the service calls critical. `runbook` is
    Markdown. `depends_on` are rules: while one of them has an open alert of the same service, this one does not page.
    """

    id: UUID
    name: str
    enabled: bool
    severity: Severity
    condition: Condition
    service: str | None = None
    routes: tuple[str, ...] = ()
    critical_routes: bool = False
    runbook: str = ""
    runbook_url: str | None = None
    reopen_after: timedelta | None = None
    depends_on: tuple[UUID, ...] = ()
    policy_id: UUID | None = None
    objective_id: UUID | None = None
    version: int = 1
    objective: Objective | None = None

    def to_json(self) -> dict[str, Any]:
        """The whole of it: a version as it is kept, and the snapshot that an alert carries. Durations in seconds."""
        return {
            "id": str(self.id),
            "name": self.name,
            "enabled": self.enabled,
            "severity": self.severity.value,
            "service": self.service,
            "routes": list(self.routes),
            "critical_routes": self.critical_routes,
            "condition": self.condition.to_json(),
            "runbook": self.runbook,
            "runbook_url": self.runbook_url,
            "reopen_after": self.reopen_after.total_seconds() if self.reopen_after is not None else None,
            "depends_on": [str(each) for each in self.depends_on],
            "policy_id": str(self.policy_id) if self.policy_id else None,
            "objective_id": str(self.objective_id) if self.objective_id else None,
            "version": self.version,
            "objective": self.objective.to_json() if self.objective else None,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Rule:
        """What `to_json` wrote."""
        reopen = stored["reopen_after"]
        return cls(
            id=UUID(stored["id"]),
            name=stored["name"],
            enabled=stored["enabled"],
            severity=Severity(stored["severity"]),
            service=stored["service"],
            routes=tuple(stored["routes"]),
            critical_routes=stored["critical_routes"],
            condition=Condition.from_json(stored["condition"]),
            runbook=stored["runbook"],
            runbook_url=stored["runbook_url"],
            reopen_after=timedelta(seconds=reopen) if reopen is not None else None,
            depends_on=tuple(UUID(each) for each in stored["depends_on"]),
            policy_id=UUID(stored["policy_id"]) if stored["policy_id"] else None,
            objective_id=UUID(stored["objective_id"]) if stored["objective_id"] else None,
            version=stored["version"],
            objective=Objective.from_json(stored["objective"]) if stored["objective"] else None,
        )
