"""The server: every stage's routes, one schema, the console, and what is started and stopped with them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from litestar import Litestar, Response, Router, get
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from century import addresses, migrations, pages, selfwatch
from century.access.service import Access
from century.alerts.feed import Feed
from century.core.bus import Bus
from century.core.clock import Clock, SystemClock
from century.core.db import connect
from century.core.graphql import transport
from century.core.graphql.api import Api
from century.core.graphql.sockets import Sockets
from century.core.http import ERRORS, Site
from century.core.settings import Settings
from century.core.work import Works
from century.overview.metrics import Metrics
from century.overview.self_metrics import Telling
from century.overview.status_page import StatusPages
from century.probes.beats import Pings
from century.rules.sources import sources_of
from century.rules.trying import Backtests
from century.schema import STAGES, make_api
from century.telemetry.service import Telemetry
from century.worker import CYCLE_KEY

LARGEST_BODY = 16 * 1024 * 1024
CHECK_SECONDS = 2.0
CYCLE_FRESH_SECONDS = 15.0


@dataclass(slots=True)
class App:
    """What lives as long as the server: found by routes on `app.state.century`, by resolvers on `info.context.app`."""

    settings: Settings
    works: Works
    bus: Bus
    access: Access
    telemetry: Telemetry
    alert_feed: Feed
    api: Api
    backtests: Backtests = field(init=False)
    pings: Pings = field(init=False)
    metrics: Metrics = field(init=False)
    status: StatusPages = field(init=False)

    def __post_init__(self) -> None:
        self.pings = Pings(self.works)
        self.backtests = Backtests(self.works, sources_of(self.works, self.telemetry.reader))
        self.metrics = Metrics(self.works, self.telemetry.reader)
        self.status = StatusPages(self.works, self.telemetry.reader)


def create_app(settings: Settings, *, clock: Clock | None = None, watches_itself: bool = False) -> Litestar:
    """The ASGI application of an installation whose database is migrated."""
    bus = Bus(settings.redis_url)
    works = Works(connect(settings.database_url), clock or SystemClock(), bus)
    api = make_api()
    app = App(settings, works, bus, Access(settings, works), Telemetry(settings, works), Feed(works), api)
    sockets = Sockets(api, app)
    files = pages.Console()
    site = Site(
        route_handlers=[
            transport.routes(api),
            sockets.route(),
            *_stage_routes(),
            addresses.routes(api, files),
            pages.routes(files),
            health_routes(app),
        ],
        lifespan=[lambda site: _living(app, sockets, site if watches_itself else None)],
        state=State({"century": app}),
        exception_handlers={**ERRORS, NotFoundException: pages.astray(files)},
        openapi_config=None,
        logging_config=None,
        request_max_body_size=LARGEST_BODY,
    )
    site.secure = settings.public_url.startswith("https:")
    return site


def _stage_routes() -> list[Any]:
    return [route for stage in STAGES for route in import_module(f"century.{stage}.http").routes]


@contextlib.asynccontextmanager
async def _living(app: App, sockets: Sockets, watched: Litestar | None) -> AsyncIterator[None]:
    await app.telemetry.start()
    sockets.start()
    app.works.meters.sockets_are(lambda: len(sockets))
    telling = Telling(app.works, "server")
    told = asyncio.create_task(telling.run(), name="meters")
    try:
        async with selfwatch.watching(watched, app.telemetry) if watched else contextlib.nullcontext():
            yield
    finally:
        told.cancel()
        await asyncio.gather(told, return_exceptions=True)
        await telling.stop()
        await sockets.stop()
        await app.alert_feed.stop()
        await app.telemetry.stop()
        await app.bus.close()
        await app.works.engine.dispose()


def health_routes(app: App) -> Router:
    """`/livez`: the process answers. `/readyz`: so does everything it stands on."""

    @get("/livez")
    async def livez() -> dict[str, bool]:
        return {"live": True}

    @get("/readyz")
    async def readyz() -> Response[dict[str, Any]]:
        database, worker = await asyncio.gather(_check_database(app), _check_worker(app))
        checks = database | worker
        ready = all(each == "ok" for each in checks.values())
        return Response({"ready": ready, "checks": checks}, status_code=200 if ready else 503)

    return Router("/", route_handlers=[livez, readyz], include_in_schema=False)


async def _check_database(app: App) -> dict[str, str]:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            revision = await migrations.current(app.works.engine)
    except (SQLAlchemyError, OSError, TimeoutError):
        return {"database": "does not answer", "migrations": "unknown"}
    return {"database": "ok", "migrations": "ok" if revision == migrations.newest() else "not at the newest revision"}


async def _check_worker(app: App) -> dict[str, str]:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            said = await app.bus.redis.get(CYCLE_KEY)
    except (RedisError, OSError, TimeoutError):
        return {"redis": "does not answer", "worker": "unknown"}
    # The worker writes real time: a clock that a test moves has no say in whether it is alive.
    age = SystemClock().now().timestamp() - float(said) if said else float("inf")
    return {"redis": "ok", "worker": "ok" if age <= CYCLE_FRESH_SECONDS else "no cycle seen of late"}
