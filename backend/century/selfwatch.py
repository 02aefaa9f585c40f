"""Century watches itself as a service: the client's own measuring, handed to telemetry without leaving the process."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from concurrent.futures import TimeoutError as Late
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from litestar import Litestar
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from century.client.asgi import Asgi
from century.client.door import TAKEN, Deliver, Outcome, Verdict
from century.client.failure import listen
from century.client.watch import Watch
from century.core.actor import INTERNAL
from century.core.errors import CenturyError, RateLimited, Unavailable
from century.telemetry.answers import Media
from century.telemetry.receive import receive_metrics, receive_traces
from century.telemetry.service import Telemetry

log = logging.getLogger(__name__)

SERVICE = "century"
# Who asks whether we are ready is told so by the status: a 503 there is an answer, not a failure of ours.
UNWATCHED = frozenset({"/livez", "/readyz"})


@asynccontextmanager
async def watching(site: Litestar, telemetry: Telemetry, *, interval: float = 10.0) -> AsyncIterator[None]:
    """Measure every HTTP request to the site, but for questions of its health; telemetry must run for longer than that.

    The instance is the machine, so that a restart opens no new series.
    """
    attributes = {
        "service.name": SERVICE,
        "service.version": version("century"),
        "service.instance.id": socket.gethostname(),
    }
    deliver = hand_over(telemetry, asyncio.get_running_loop())
    watch = Watch(deliver, attributes, interval=interval, connections=lambda: connections(telemetry.works.engine))
    inner: Any = site.asgi_handler
    watched = Asgi(inner, watch, None)

    async def handle(scope: Any, receive: Any, send: Any) -> None:
        await (inner if scope.get("path") in UNWATCHED else watched)(scope, receive, send)

    site.asgi_handler = handle
    listen(site)
    watch.start()
    try:
        yield
    finally:
        await asyncio.to_thread(watch.stop)


def connections(engine: AsyncEngine) -> dict[str, int]:
    """Connections of the database pool, by state."""
    pool = engine.pool
    return {"used": pool.checkedout(), "idle": pool.checkedin()} if isinstance(pool, QueuePool) else {}


def hand_over(telemetry: Telemetry, loop: asyncio.AbstractEventLoop) -> Deliver:
    """Deliver from the exporter's thread to the loop on which telemetry runs, as the product itself."""

    async def take(path: str, body: bytes) -> None:
        receive = receive_traces if path == "/v1/traces" else receive_metrics
        refusals = await receive(telemetry, INTERNAL, body, Media.PROTOBUF, "gzip")
        if refusals.total:
            log.warning("own telemetry taken in part: %s", refusals.sentence())

    def deliver(path: str, body: bytes, seconds: float) -> Outcome:
        if loop.is_closed():
            return Outcome(Verdict.REFUSED, "has ended")
        taking = asyncio.run_coroutine_threadsafe(take(path, body), loop)
        try:
            taking.result(seconds)
        except Late:
            taking.cancel()
            return Outcome(Verdict.AGAIN, "takes too long")
        except (Unavailable, RateLimited, OSError, SQLAlchemyError) as error:
            return Outcome(Verdict.AGAIN, str(error))
        except CenturyError as error:
            log.warning("own telemetry refused: %s", error)
            return Outcome(Verdict.REFUSED, str(error))
        except Exception as error:
            log.exception("own telemetry could not be taken")
            return Outcome(Verdict.REFUSED, str(error))
        return TAKEN

    return deliver
