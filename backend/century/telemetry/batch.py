"""The good points of one request, on their way to the tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from century.telemetry.block import I4, Block, take
from century.telemetry.exemplar import Exemplar
from century.telemetry.identity import Stream
from century.telemetry.refusals import Refusals


@dataclass(frozen=True, slots=True)
class Discovery:
    """A series that nobody has a number for yet."""

    stream: Stream
    key: bytes
    attributes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Batch:
    """The good points of a request. In `block` a negative series -n stands for `discoveries[n - 1]`.

    With more than one service, `owners` holds for each section the place in `services` of each point.
    """

    block: Block
    services: list[str]
    owners: tuple[I4, I4, I4] | None
    discoveries: list[Discovery]
    refusals: Refusals
    exemplars: Sequence[Exemplar] = ()

    def settle(self, numbers: Sequence[int]) -> Batch:
        """The batch once each discovery has its series, 0 for the ones refused: their points go."""
        if not self.discoveries:
            return self
        found = np.array(numbers, np.int32)
        sections: list[Any] = []
        owners: list[I4] = []
        parts: tuple[Any, ...] = (self.block.numbers, self.block.sketches, self.block.explicits)
        for place, each in enumerate(parts):
            series = each.series.copy()
            new = series < 0
            series[new] = found[-series[new] - 1]
            kept = series > 0
            sections.append(take(replace(each, series=series), kept))
            owners.append(self.owners[place][kept] if self.owners else series[:0])
        exemplars = [
            replace(each, series=int(found[-each.series - 1])) if each.series < 0 else each for each in self.exemplars
        ]
        return replace(
            self,
            block=Block(*sections),
            discoveries=[],
            owners=(owners[0], owners[1], owners[2]) if self.owners else None,
            exemplars=[each for each in exemplars if each.series],
        )

    def lost(self, refused: Sequence[int]) -> dict[int, int]:
        """How many points each of these discoveries (by place) has."""
        wanted = {-place - 1: place for place in refused}
        counts: dict[int, int] = {}
        for each in (self.block.numbers, self.block.sketches, self.block.explicits):
            values, sizes = np.unique(each.series[each.series < 0], return_counts=True)
            for value, size in zip(values.tolist(), sizes.tolist(), strict=True):
                if value in wanted:
                    counts[wanted[value]] = counts.get(wanted[value], 0) + size
        return counts

    def by_service(self) -> list[tuple[str, Block]]:
        """The points of each service that has any."""
        if self.owners is None:
            return [(self.services[0], self.block)] if self.block.points else []
        parts = [
            (
                service,
                Block(
                    take(self.block.numbers, self.owners[0] == place),
                    take(self.block.sketches, self.owners[1] == place),
                    take(self.block.explicits, self.owners[2] == place),
                ),
            )
            for place, service in enumerate(self.services)
        ]
        return [(service, block) for service, block in parts if block.points]
