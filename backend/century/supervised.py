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

from century.core.settings import Settings, read_settings


def told() -> Settings:
    """Wait for the settings the supervisor sends; ends the process when it dies instead."""
    line = sys.stdin.readline()
    if not line:
        raise SystemExit(1)
    return read_settings(json.loads(line))


def prepare() -> None:
    """Migrate, see to the first admin, and answer with their sign-in link (or null) on stdout."""
    from century.access.people import ensure_admin
    from century.core.bus import Bus
    from century.core.clock import SystemClock
    from century.core.db import connect
    from century.core.work import Works
    from century.migrations import import_tables, migrate

    import_tables()

    async def work_through(settings: Settings) -> str | None:
        engine, bus = connect(settings.database_url, pool_size=2), Bus(settings.redis_url)
        try:
            await migrate(engine)
            async with Works(engine, SystemClock(), bus).begin() as work:
                return await ensure_admin(work, settings)
        finally:
            await bus.close()
            await engine.dispose()

    print(json.dumps({"link": asyncio.run(work_through(told()))}), flush=True)


def server() -> None:
    """Serve on the listening socket that was handed down."""
    from century import serving

    listener = socket.socket(fileno=int(os.environ.pop("CENTURY_LISTENER")))
    serving.preload()
    serving.run(told(), listener)


def worker() -> None:
    """Run the timetable."""
    from century.worker import run

    run(told())


if __name__ == "__main__":
    {"prepare": prepare, "server": server, "worker": worker}[sys.argv[1]]()
