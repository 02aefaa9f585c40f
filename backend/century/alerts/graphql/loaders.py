"""What belongs to many alerts, read once for all of an operation."""

from uuid import UUID

from strawberry.dataloader import DataLoader

from century.alerts import evidence as seen
from century.alerts import feed, kept, lists, nearby
from century.alerts import ticks as done
from century.alerts.alert import Alert as TheAlert
from century.alerts.paging import Hold as TheHold
from century.core.graphql import Info, loaded
from century.core.work import Work
from century.telemetry import load as telemetry
from century.telemetry.deployments import Deployment as TheDeployment
from century.telemetry.graphql.services import Service


def services(info: Info) -> "DataLoader[str, Service | None]":
    async def load_all(work: Work, asked: list[str]) -> list[Service | None]:
        found = {each.name: Service.of(each) for each in await telemetry.services(info.context.works)}
        return [found.get(each) for each in asked]

    return loaded(info, "alert services", load_all)


def holds(info: Info) -> "DataLoader[TheAlert, TheHold | None]":
    async def load(work: Work, asked: list[TheAlert]) -> list[TheHold | None]:
        found = await kept.holds(work, asked)
        return [found.get(each.id) for each in asked]

    return loaded(info, "alert holds", load)


def children(info: Info) -> "DataLoader[UUID, list[TheAlert]]":
    async def load(work: Work, asked: list[UUID]) -> list[list[TheAlert]]:
        found = await lists.children(work, set(asked))
        return [found[each] for each in asked]

    return loaded(info, "alert children", load)


def timelines(info: Info) -> "DataLoader[UUID, list[feed.Entry]]":
    async def load(work: Work, asked: list[UUID]) -> list[list[feed.Entry]]:
        found = await feed.timelines(work, set(asked))
        return [found[each] for each in asked]

    return loaded(info, "alert timelines", load)


def evidence(info: Info) -> "DataLoader[UUID, seen.Evidence]":
    async def load(work: Work, asked: list[UUID]) -> list[seen.Evidence]:
        found = await seen.evidence(work, set(asked))
        return [found[each] for each in asked]

    return loaded(info, "alert evidence", load)


def ticks(info: Info) -> "DataLoader[UUID, dict[str, done.Tick]]":
    async def load(work: Work, asked: list[UUID]) -> list[dict[str, done.Tick]]:
        found = await done.of_alerts(work, set(asked))
        return [found[each] for each in asked]

    return loaded(info, "alert ticks", load)


def deployments(info: Info) -> "DataLoader[TheAlert, list[TheDeployment]]":
    async def load(work: Work, asked: list[TheAlert]) -> list[list[TheDeployment]]:
        found = await nearby.of_alerts(work, asked)
        return [found[each.id] for each in asked]

    return loaded(info, "alert deployments", load)
