"""What `century up` runs as children: import what is slow, wait for the settings on stdin, then work.

Settings come by a pipe, so that no secret shows in a process list or an environment, and so that a child has imported
everything by the time the database is there.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import Callable

from century.core.settings import Settings, read_settings


def told() -> Settings:
    """Wait for the settings the supervisor sends; ends the process when it dies instead."""
    line = sys.stdin.readline()
    if not line:
        raise SystemExit(1)
    return read_settings(json.loads(line))


def preparation() -> Callable[[Settings], str | None]:
    """What brings the database to this version and sees to the first admin; it answers with their sign-in link."""
    from century.access.people import ensure_admin
    from century.core.bus import Bus
    from century.core.clock import SystemClock
    from century.core.db import connect
    from century.core.work import Works
    from century.migrations import import_tables, migrate

    import_tables()

    async def prepare(settings: Settings) -> str | None:
        engine, bus = connect(settings.database_url, pool_size=2), Bus(settings.redis_url)
        try:
            await migrate(engine)
            async with Works(engine, SystemClock(), bus).begin() as work:
                return await ensure_admin(work, settings)
        finally:
            await bus.close()
            await engine.dispose()

    return lambda settings: asyncio.run(prepare(settings))


def server() -> None:
    """Serve on the listening socket that was handed down."""
    from century import serving

    listener = socket.socket(fileno=int(os.environ.pop("CENTURY_LISTENER")))
    serving.preload()
    serving.run(told(), listener)


def worker(*, first: bool) -> None:
    """Run the timetable; the first worker of an `up` prepares the database before, and tells the link on stdout."""
    from century.worker import run

    prepare = preparation() if first else None
    settings = told()
    if prepare:
        os.write(1, json.dumps({"link": prepare(settings)}).encode() + b"\n")
        os.dup2(2, 1)  # the supervisor reads no further
    run(settings)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["server"]:
            server()
        case ["worker", *rest]:
            worker(first=rest == ["first"])
