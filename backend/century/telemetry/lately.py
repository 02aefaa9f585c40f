"""The last minutes as plain points: of the blocks that reach into them alone, each decoded once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from century.telemetry import block
from century.telemetry.block import Block
from century.telemetry.chunk import HOUR
from century.telemetry.hot import narrow, size
from century.telemetry.instants import instant
from century.telemetry.plain import Points, Series, plain
from century.telemetry.raw import Connection
from century.telemetry.recent import Recent, cut

LIMIT = 48 << 20
"""How many bytes of decoded blocks one process keeps."""


class Lately:
    """Reads a few minutes of services that are asked for again and again, where `Recent` would hold their whole hours."""

    def __init__(self, recent: Recent) -> None:
        self._recent = recent
        self._blocks: OrderedDict[int, tuple[Block, int]] = OrderedDict()
        self._size = 0

    async def points(
        self, raw: Connection, services: Sequence[int], start: int, end: int, wanted: Callable[[Series], bool]
    ) -> tuple[Points, Mapping[int, Series]]:
        """What `Recent.points` answers. What is compacted already, or stands for what came before, is left to it."""
        listed = await raw.fetch(
            "SELECT array_agg(id), EXISTS (SELECT FROM summary"
            " WHERE summary.service_id = block.service_id AND step = 60 AND start = hour)"
            " FROM block WHERE service_id = ANY($1::int[]) AND first_at >= $2 AND first_at < $3 AND last_at >= $4"
            " GROUP BY service_id, hour",
            list(services), instant(start - start % HOUR), instant(end + 999), instant(start),
        )  # fmt: skip
        if any(late for _, late in listed):
            return await self._recent.points(raw, services, start, end, wanted)
        given = await self._read(raw, sorted(number for numbers, _ in listed for number in numbers))
        sections = (given.numbers, given.sketches, given.explicits)
        numbers = np.unique(np.concatenate([each.series for each in sections])).tolist()
        series = {number: each for number, each in (await self._recent.known(raw, numbers)).items() if wanted(each)}
        if any(each.cumulative for each in series.values()):
            return await self._recent.points(raw, services, start, end, wanted)
        chosen = block.select(cut(given, start, end), np.array(sorted(series), dtype=np.int32))
        return plain(chosen, series, {}), series

    async def _read(self, raw: Connection, numbers: Sequence[int]) -> Block:
        missing = [number for number in numbers if number not in self._blocks]
        if missing:
            for number, columns in await raw.fetch(
                "SELECT id, columns FROM block WHERE id = ANY($1::bigint[])", missing
            ):
                made = narrow(block.decode(columns))
                self._blocks[number] = made, size(made)
                self._size += self._blocks[number][1]
        given = block.concat([self._blocks[number][0] for number in numbers])
        for number in numbers:
            self._blocks.move_to_end(number)
        while self._size > LIMIT and len(self._blocks) > 1:
            self._size -= self._blocks.popitem(last=False)[1][1]
        return given
