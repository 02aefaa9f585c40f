"""Deployments: a version of a service went live, so that charts can show where behaviour changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import insert

from century.core.errors import Invalid
from century.core.ids import new_id
from century.core.timerange import TimeRange
from century.core.work import Work, Works
from century.telemetry.raw import asking
from century.telemetry.series import Registry
from century.telemetry.tables import DeploymentRow

LONGEST_VERSION = 200
LONGEST_URL = 2_000
LONGEST_NAME = 255
MOST = 1_000
AHEAD = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Deployment:
    """A version of a service that went live."""

    id: UUID
    at: datetime
    version: str
    url: str | None
    service: str


async def record(
    work: Work, registry: Registry, service: str, version: str, url: str | None, at: datetime | None
) -> Deployment:
    """Note that a version went live (by default now); a service not heard of yet is born with it. Invalid."""
    check(service, version, url, at, work.now)
    numbers = await registry.enter(work, [service])
    if service not in numbers:
        raise Invalid("there are too many services already, and no more are taken", field="service")
    made = Deployment(new_id(work.now), at or work.now, version, url, service)
    await work.execute(
        insert(DeploymentRow).values(
            id=made.id, service_id=numbers[service], at=made.at, version=version, url=url, recorded_by=work.actor.id
        )
    )
    work.record("deployment.recorded", made.id, subject_name=f"{service} {version}", service=service, version=version)
    work.announce(
        f"deployments.{service}",
        {"id": made.id, "at": made.at, "version": version, "url": url, "service": service},
    )
    return made


def check(service: str, version: str, url: str | None, at: datetime | None, now: datetime) -> None:
    """Invalid unless all of it can be shown."""
    if not 1 <= len(service) <= LONGEST_NAME:
        raise Invalid(f"a service's name has 1 to {LONGEST_NAME} characters", field="service")
    if not 1 <= len(version) <= LONGEST_VERSION:
        raise Invalid(f"a version has 1 to {LONGEST_VERSION} characters", field="version")
    for name, value in (("service", service), ("version", version), ("url", url or "")):
        if "\0" in value:
            raise Invalid(f"{name} must not hold the character NUL", field=name)
    if url is not None and (len(url) > LONGEST_URL or not _is_link(url)):
        raise Invalid("url must be an address that begins with https:// or http://", field="url")
    if at is not None and at > now + AHEAD:
        raise Invalid("at must not lie in the future", field="at")


def _is_link(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable()


async def between(works: Works, service: int, span: TimeRange) -> Sequence[Deployment]:
    """The deployments of a range, oldest first; of very many the latest thousand."""
    async with asking(works.engine) as raw:
        rows = await raw.fetch(
            "SELECT d.id, d.at, d.version, d.url, s.name FROM deployment d JOIN service s ON s.id = d.service_id"
            " WHERE d.service_id = $1 AND d.at >= $2 AND d.at < $3 ORDER BY d.at DESC, d.id DESC LIMIT $4",
            service, span.start, span.end, MOST,
        )  # fmt: skip
    return [Deployment(*row) for row in reversed(rows)]
