"""What is given to make or change a probe."""

from datetime import timedelta

import strawberry

from century.core.graphql import id_of
from century.probes.kind import ProbeKind
from century.probes.lists import Wanted
from century.probes.probe import Patience, ProbeState
from century.probes.problems import Draft

strawberry.enum(ProbeKind, description="What a probe asks; one file each.")
strawberry.enum(
    ProbeState,
    description="DOUBTFUL: it fails, but not for as often as it must to be DOWN. BLOCKED: it fails while what it depends "
    "on does. UNKNOWN: nobody has asked, or nobody could.",
)


@strawberry.input
class AttributeInput:
    key: str
    value: str


@strawberry.input(description="Left out or null, a setting keeps what is stored; empty, it is cleared.")
class ProbeSettingInput:
    name: str
    value: str | None = None


@strawberry.input(
    description="A probe as it is to be; with an `id`, the one that is changed, which must still have this `version`."
)
class SaveProbeInput:
    name: str
    kind: ProbeKind
    settings: list[ProbeSettingInput]
    id: strawberry.ID | None = None
    version: int | None = None
    enabled: bool = True
    service: str | None = None
    labels: list[AttributeInput] = strawberry.field(default_factory=list)
    parent: strawberry.ID | None = None
    runs_on: str | None = None
    interval: timedelta | None = None
    timeout: timedelta | None = None
    retry_interval: timedelta | None = None
    failures_before_down: int = 3
    successes_before_up: int = 2

    def draft(self) -> Draft:
        return Draft(
            name=self.name, kind=self.kind, settings={each.name: each.value for each in self.settings},
            id=id_of(self.id) if self.id else None, version=self.version, enabled=self.enabled, service=self.service,
            labels={each.key: each.value for each in self.labels},
            parent_id=id_of(self.parent, "parent") if self.parent else None, runs_on=self.runs_on,
            interval=self.interval, timeout=self.timeout, retry=self.retry_interval,
            patience=Patience(self.failures_before_down, self.successes_before_up),
        )  # fmt: skip


@strawberry.input
class ProbeEnabledInput:
    id: strawberry.ID
    enabled: bool


@strawberry.input
class ProbeFilter:
    kinds: list[ProbeKind] | None = None
    states: list[ProbeState] | None = None
    service: str | None = None
    text: str | None = None

    def wanted(self) -> Wanted:
        return Wanted(self.kinds, self.states, self.service, self.text)
