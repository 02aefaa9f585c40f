"""The demonstration's database: parcels, inquiries and payments in SQLite, over a small pool of connections."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
CONNECTIONS, PARCELS = 8, 5_000
STREETS = ("Oak Street", "Mill Road", "Harbor Lane", "Church Street", "Sunset Boulevard", "River Road", "Main Street")

TABLES = """
CREATE TABLE IF NOT EXISTS parcel (number TEXT PRIMARY KEY, street TEXT NOT NULL, house INTEGER NOT NULL, worth INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS parcel_street ON parcel (street);
CREATE TABLE IF NOT EXISTS inquiry (number INTEGER PRIMARY KEY, parcel TEXT NOT NULL REFERENCES parcel, paid INTEGER NOT NULL DEFAULT 0);
"""


class Store:
    """Queries run in threads, each with its own connection; `connections` tells how many are used and idle."""

    def __init__(self, path: Path) -> None:
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="sqlite")
        self._idle = [sqlite3.connect(path, check_same_thread=False, timeout=1.0) for _ in range(CONNECTIONS)]
        self._used = 0
        with self._idle[0] as first:
            first.execute("PRAGMA journal_mode = WAL")
            first.executescript(TABLES)
            if not first.execute("SELECT 1 FROM parcel LIMIT 1").fetchone():
                dice = random.Random(1873)
                first.executemany(
                    "INSERT INTO parcel VALUES (?, ?, ?, ?)",
                    [
                        (f"R{number:05}", dice.choice(STREETS), dice.randint(1, 240), dice.randint(90, 900) * 1000)
                        for number in range(PARCELS)
                    ],
                )

    def connections(self) -> dict[str, int]:
        """Connections of the pool, by state."""
        return {"used": self._used, "idle": CONNECTIONS - self._used}

    async def _run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        def work() -> T:
            connection = self._idle.pop()
            try:
                with connection:
                    return query(connection)
            finally:
                self._idle.append(connection)

        self._used += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._used -= 1

    async def search(self, street: str) -> list[tuple[str, int]]:
        """Numbers and house numbers of a street's parcels, the first twenty."""
        sql = "SELECT number, house FROM parcel WHERE street = ? ORDER BY house LIMIT 20"
        return await self._run(lambda connection: connection.execute(sql, [street]).fetchall())

    async def worth(self, parcel: str) -> int | None:
        """A parcel's assessed value; None if there is no such parcel."""
        sql = "SELECT worth FROM parcel WHERE number = ?"
        row: tuple[int] | None = await self._run(lambda connection: connection.execute(sql, [parcel]).fetchone())
        return row[0] if row else None

    async def inquire(self, parcel: str) -> int:
        """Note an inquiry; its number."""
        sql = "INSERT INTO inquiry (parcel) VALUES (?)"
        return await self._run(lambda connection: connection.execute(sql, [parcel]).lastrowid or 0)

    async def inquiry(self, number: int) -> tuple[str, bool] | None:
        """An inquiry's parcel, and whether its fee is paid."""
        sql = "SELECT parcel, paid FROM inquiry WHERE number = ?"
        row: tuple[str, int] | None = await self._run(lambda connection: connection.execute(sql, [number]).fetchone())
        return (row[0], bool(row[1])) if row else None

    async def paid(self, number: int) -> None:
        """Note that an inquiry's fee is paid."""
        sql = "UPDATE inquiry SET paid = 1 WHERE number = ?"
        await self._run(lambda connection: connection.execute(sql, [number]))

    def close(self) -> None:
        """End threads and connections."""
        self._threads.shutdown()
        for connection in self._idle:
            connection.close()
