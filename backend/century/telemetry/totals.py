"""What all services did together, kept beside their summaries, so that a first question need not read every one of them.

A total names the very rows that it was made of. Where one of them has changed since, or joined, or gone, it is passed
over: one that was not made again costs time, and never tells what is no longer so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b

import numpy as np

from century.telemetry import summary
from century.telemetry.identity import SHOWN
from century.telemetry.raw import Connection
from century.telemetry.summary import Summary

Slot = tuple[int, datetime]
"""The step of summaries in seconds, and when they begin."""
Row = tuple[int, int]
"""The service of a summary, and the transaction that wrote it (its xmin)."""


def made_of(rows: Sequence[Row]) -> bytes:
    """What names these rows, which are in order of service."""
    return blake2b(np.array(rows, dtype="<i8").tobytes(), digest_size=16).digest()


async def make(raw: Connection, step: int, start: datetime) -> None:
    """Make the total of the summaries that begin then; wants a transaction of `raw.writing`."""
    rows = await raw.fetch(
        "SELECT service_id, summary.xmin::text::bigint, data FROM service JOIN summary ON service_id = service.id"
        f" WHERE step = $1 AND start = $2 AND {SHOWN} ORDER BY service_id",
        step, start,
    )  # fmt: skip
    if len(rows) < 2:
        return
    made = summary.together([summary.decode(data) for _, _, data in rows])
    await raw.execute(
        "INSERT INTO total (step, start, made_of, data) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (step, start) DO UPDATE SET made_of = excluded.made_of, data = excluded.data",
        step, start, made_of([(service, version) for service, version, _ in rows]), summary.encode(made),
    )  # fmt: skip


async def find(raw: Connection, wanted: Mapping[Slot, Sequence[Row]]) -> dict[Slot, Summary]:
    """The totals, of those wanted, that were made of just these rows."""
    rows = await raw.fetch(
        "SELECT step, start, made_of, data FROM total JOIN unnest($1::int[], $2::timestamptz[]) AS asked (step, start)"
        " USING (step, start)",
        [step for step, _ in wanted], [start for _, start in wanted],
    )  # fmt: skip
    return {
        (step, start): summary.decode(data)
        for step, start, named, data in rows
        if named == made_of(wanted[step, start])
    }
