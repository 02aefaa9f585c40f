"""A block gives back what it was given, bit for bit, in fewer bytes than its rows would take."""

from __future__ import annotations

import random
from dataclasses import fields
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from century.telemetry import block as blocks
from century.telemetry.block import EMPTY, HOUR, Block, Explicits, Numbers, Sketches, section

SPECIAL: dict[str, list[Any]] = {
    "i": [0, 1, -1, 127, 128, 255, 256, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63), 1_790_000_000_000_000_000],
    "u": [0, 1, 127, 255, 256, 65_535, 65_536, 2**32, 2**63, 2**64 - 1],
    "f": [0.0, -0.0, 1.5, float("nan"), float("inf"), -float("inf"), 5e-324, 1.7e308],
}


def some_block(seed: int) -> Block:
    """A block of up to six points a section, of ordinary and extreme values, some columns the same throughout."""
    chance = random.Random(seed)
    sections: list[Any] = []
    for kind in (Numbers, Sketches, Explicits):
        size = chance.randrange(7)
        columns: dict[str, list[Any]] = {}
        for name in blocks.NAMES[kind]:
            dtype = blocks.DTYPES[name]
            length = sum(columns["width"]) if name == "counts" else size
            values = SPECIAL[dtype.kind]
            if dtype.kind != "f":
                limits = np.iinfo(dtype)
                values = [value for value in values if limits.min <= value <= limits.max]
            if name in ("series", "width"):
                values = list(range(10 if name == "series" else 5))
            column = [chance.choice(values) for _ in range(length)]
            columns[name] = column[:1] * length if chance.random() < 0.3 else column
        sections.append(section(kind, **columns))
    return Block(*sections)


some_blocks = st.integers(0, 2**32).map(some_block)


def same(one: Block, other: Block) -> None:
    for name in ("numbers", "sketches", "explicits"):
        for each in fields(getattr(one, name)):
            left, right = getattr(getattr(one, name), each.name), getattr(getattr(other, name), each.name)
            assert left.dtype == right.dtype, (name, each.name)
            assert left.tobytes() == right.tobytes(), (name, each.name, left, right)


@settings(deadline=None)
@given(some_blocks)
def test_what_is_decoded_is_what_was_encoded(block: Block) -> None:
    same(blocks.decode(blocks.encode(block)), block)
    same(blocks.decode(memoryview(blocks.encode(block))), block)


@settings(deadline=None)
@given(some_blocks, some_blocks)
def test_joined_blocks_hold_the_points_of_both_in_order(one: Block, other: Block) -> None:
    joined = blocks.concat([one, EMPTY, other])
    assert joined.points == one.points + other.points
    assert joined.numbers.series.tolist() == one.numbers.series.tolist() + other.numbers.series.tolist()
    assert joined.sketches.counts.tolist() == one.sketches.counts.tolist() + other.sketches.counts.tolist()
    same(blocks.decode(blocks.encode(joined)), joined)


@settings(deadline=None)
@given(some_blocks, st.sets(st.integers(0, 9)))
def test_a_selection_and_its_rest_make_the_whole(block: Block, wanted: set[int]) -> None:
    def points(each: Block) -> list[Any]:
        ends = np.cumsum(each.explicits.width)
        return sorted(
            (int(series), each.explicits.counts[end - width : end].tolist())
            for series, width, end in zip(each.explicits.series, each.explicits.width, ends, strict=True)
        )

    inside = blocks.select(block, np.array(sorted(wanted), np.int32))
    outside = blocks.select(block, np.array(sorted(set(range(10)) - wanted), np.int32))
    assert inside.points + outside.points == block.points
    assert set(inside.numbers.series.tolist()) <= wanted
    assert points(block) == sorted(points(inside) + points(outside))


def test_a_batch_that_spans_hours_is_split_at_the_hour() -> None:
    whole = Block(
        section(Numbers, series=[1, 2, 3], at=[HOUR - 1, HOUR, HOUR + 1], start=[0, 0, 0], value=[1, 2, 3]),
        section(Sketches),
        section(
            Explicits,
            series=[4, 5],
            at=[2 * HOUR, HOUR],
            start=[0, 0],
            count=[3, 7],
            sum=[1, 1],
            low=[0, 0],
            high=[1, 1],
            width=[2, 1],
            counts=[1, 2, 7],
        ),
    )
    parts = blocks.by_hour(whole)
    assert [hour for hour, _ in parts] == [0, HOUR, 2 * HOUR]
    assert parts[1][1].numbers.series.tolist() == [2, 3]
    assert parts[1][1].explicits.counts.tolist() == [7]
    assert blocks.span(whole) == (HOUR - 1, 2 * HOUR)


def test_a_live_batch_of_numbers_takes_at_most_twelve_bytes_a_point() -> None:
    size = 1000
    live = Block(
        section(
            Numbers,
            series=np.arange(70_000, 70_000 + size),
            at=np.full(size, 1_790_000_000_000_000_000),
            start=np.full(size, 1_789_999_990_000_000_000),
            value=np.random.default_rng(1).random(size),
        ),
        section(Sketches),
        section(Explicits),
    )
    assert len(blocks.encode(live)) <= 12 * size
