"""What can be asked of probes, done to them, and heard of them."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import orjson
import strawberry

from century.core.actor import Permission
from century.core.graphql import (
    DeletedPayload,
    IdInput,
    Info,
    Notice,
    field,
    id_of,
    mutation,
    notices,
    subscription,
)
from century.probes import editing, kept, lists, trying, warned
from century.probes.editing import Saved
from century.probes.graphql.checks import Fact, ProbeAnswer
from century.probes.graphql.inputs import ProbeEnabledInput, ProbeFilter, SaveProbeInput
from century.probes.graphql.kinds import ProbeKindInfo, kinds
from century.probes.graphql.types import Probe, ProbeWorker
from century.probes.probe import ProbeState
from century.probes.settling import CHECKED
from century.probes.trying import Tried


@strawberry.type
class SaveProbePayload:
    probe: Probe
    warnings: list[Notice]

    @classmethod
    def of(cls, saved: Saved) -> "SaveProbePayload":
        return cls(probe=Probe.of(saved.probe), warnings=notices(saved.warnings))


@strawberry.type(description="What one check found just now; nothing of it is stored.")
class TryProbePayload:
    ok: bool
    message: str
    latency: float | None
    facts: list[Fact]
    answer: ProbeAnswer | None
    problems: list[Notice] = strawberry.field(description="What would be refused or warned of on saving.")

    @classmethod
    def of(cls, tried: Tried, at: datetime) -> "TryProbePayload":
        measured, said = tried.measured, notices(tried.problems)
        if measured is None:
            wrong = "; ".join(each.message for each in tried.problems if each.refused)
            return cls(ok=False, message=wrong, latency=None, facts=[], answer=None, problems=said)
        return cls(
            ok=measured.ok, message=measured.message, latency=measured.latency,
            facts=[Fact.of(each) for each in measured.facts], answer=ProbeAnswer.measured(measured, at), problems=said,
        )  # fmt: skip


@strawberry.type(description="A check that has just been made.")
class CheckCompleted:
    probe: Probe
    at: datetime
    ok: bool
    state: ProbeState
    latency: float | None
    message: str


@strawberry.type
class ProbeQuery:
    @field(requires=Permission.READ, description="Every probe by name, or those that fit.")
    async def probes(self, info: Info, filter: ProbeFilter | None = None) -> list[Probe]:
        async with info.context.works.read(info.context.actor) as work:
            found = await lists.probes(work, filter.wanted() if filter else None)
        return [Probe.of(each) for each in found]

    @field(requires=Permission.READ, description="The probe of this id; NOT_FOUND.")
    async def probe(self, info: Info, id: strawberry.ID) -> Probe:
        async with info.context.works.read(info.context.actor) as work:
            return Probe.of(await kept.probe(work, id_of(id)))

    @field(requires=Permission.READ, description="What a probe can be, and what its form asks for.")
    def probe_kinds(self, info: Info) -> list[ProbeKindInfo]:
        return list(kinds(info.context.settings))

    @field(requires=Permission.READ, description="The workers that ask, and whether their own network is there.")
    async def probe_workers(self, info: Info) -> list[ProbeWorker]:
        async with info.context.works.read(info.context.actor) as work:
            return [ProbeWorker.of(each) for each in await lists.workers(work)]


@strawberry.type
class ProbeMutation:
    @mutation(requires=Permission.CONFIGURE, description="Make or change a probe.")
    async def save_probe(self, info: Info, input: SaveProbeInput) -> SaveProbePayload:
        async with info.context.works.begin(info.context.actor) as work:
            saved = await editing.save(work, info.context.settings, input.draft())
        # Names are looked up when it is saved: nobody else waits for them.
        more = await warned.warnings(info.context.settings, saved.probe)
        return SaveProbePayload.of(replace(saved, warnings=(*saved.warnings, *more)))

    @mutation(requires=Permission.CONFIGURE, description="Ask once, now, also of a probe that is not saved yet.")
    async def try_probe(self, info: Info, input: SaveProbeInput) -> TryProbePayload:
        works, actor = info.context.works, info.context.actor
        tried = await trying.try_probe(works, info.context.settings, actor, input.draft())
        return TryProbePayload.of(tried, works.clock.now())

    @mutation(requires=Permission.OPERATE, description="Let a probe be asked next, before it is due.")
    async def check_probe(self, info: Info, input: IdInput) -> SaveProbePayload:
        async with info.context.works.begin(info.context.actor) as work:
            return SaveProbePayload.of(Saved(await editing.check_soon(work, id_of(input.id))))

    @mutation(requires=Permission.OPERATE, description="Pause a probe, or let it go on.")
    async def set_probe_enabled(self, info: Info, input: ProbeEnabledInput) -> SaveProbePayload:
        async with info.context.works.begin(info.context.actor) as work:
            switched = await editing.set_enabled(work, id_of(input.id), enabled=input.enabled)
            return SaveProbePayload.of(Saved(switched))

    @mutation(requires=Permission.CONFIGURE, description="Remove a probe with its history; its open alerts resolve.")
    async def delete_probe(self, info: Info, input: IdInput) -> DeletedPayload:
        async with info.context.works.begin(info.context.actor) as work:
            await editing.remove(work, id_of(input.id))
        return DeletedPayload(id=input.id)


@strawberry.type
class ProbeSubscription:
    @subscription(
        requires=Permission.READ,
        description="Checks as they are made; of one probe, or only those that change a state.",
    )
    async def check_completed(
        self, info: Info, probe: strawberry.ID | None = None, changes_only: bool = False
    ) -> AsyncGenerator[CheckCompleted, None]:
        wanted = id_of(probe, "probe") if probe is not None else None
        works = info.context.works
        if wanted is not None:
            async with works.read(info.context.actor) as work:
                await kept.probe(work, wanted)
        async with works.bus.subscribe(CHECKED) as messages:
            async for message in messages:
                told = [each for each in orjson.loads(message.data or b"[]") if each[6] or not changes_only]
                told = [each for each in told if wanted is None or each[0] == str(wanted)]
                if not told:
                    continue
                async with works.read(info.context.actor) as work:
                    known = await kept.by_ids(work, {UUID(each[0]) for each in told})
                for probe_id, at, ok, state, latency, said, _ in told:
                    if found := known.get(UUID(probe_id)):
                        yield CheckCompleted(
                            probe=Probe.of(found), at=datetime.fromisoformat(at), ok=ok, state=ProbeState(state),
                            latency=latency, message=said,
                        )  # fmt: skip
