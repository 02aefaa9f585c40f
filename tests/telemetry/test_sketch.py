"""Sketches and grids against raw values."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from century.telemetry import chunk, grid, packed, sketch

values = st.lists(st.floats(1e-6, 1e5), min_size=1, max_size=200)
shares = (0.0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0)


def exact(raw: list[float], share: float) -> float:
    return sorted(raw)[max(math.ceil(share * len(raw) - 1e-9), 1) - 1]


def columns(raw: list[float], scale: int) -> dict[str, np.ndarray]:
    """One histogram as columns, as an SDK would send it."""
    index = sketch.index_of(np.array(raw), scale)
    first = int(index.min())
    counts = np.bincount(index - first)
    return {
        "scale": np.array([scale]),
        "offset": np.array([first]),
        "width": np.array([len(counts)]),
        "counts": counts,
        "zero": np.array([0]),
        "count": np.array([len(raw)]),
        "sum": np.array([math.fsum(raw)]),
        "low": np.array([min(raw)]),
        "high": np.array([max(raw)]),
    }


def joined(many: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([each[name] for each in many]) for name in many[0]}


@given(values)
def test_every_quantile_is_within_the_bound_of_the_scale(raw: list[float]) -> None:
    made = grid.of_values(np.zeros(len(raw), dtype=np.int64), 1, np.array(raw))
    bound = sketch.relative_error(made.scale) * (1 + 1e-9)
    for share, got in zip(shares, made.quantiles(shares)[:, 0], strict=True):
        assert abs(got / exact(raw, share) - 1) <= bound


@given(st.lists(st.tuples(values, st.integers(-2, 8), st.integers(0, 3)), min_size=1, max_size=8))
@settings(deadline=None)
def test_merging_equals_building_at_once(parts: list[tuple[list[float], int, int]]) -> None:
    slot = np.array([slot for _, _, slot in parts])
    made = grid.build(slot, 4, **joined([columns(raw, scale) for raw, scale, _ in parts]))
    single = [(np.array([slot]), grid.build(np.array([0]), 1, **columns(raw, scale))) for raw, scale, slot in parts]
    piled = grid.pile(single, 4)
    assert (piled.count == made.count).all()
    scale = min(made.scale, piled.scale)
    for each in (made, piled):
        bound = sketch.relative_error(each.scale) * (1 + 1e-9)
        quantiles = each.quantiles(shares)
        for number in range(4):
            raw = [value for values, _, slot in parts for value in values if slot == number]
            assert each.count[number] == len(raw)
            assert each.sum[number] == pytest.approx(math.fsum(raw))
            for share, got in zip(shares, quantiles[:, number], strict=True):
                assert math.isnan(got) if not raw else abs(got / exact(raw, share) - 1) <= bound
    assert (made.rescale(scale).total().quantiles(shares) == piled.rescale(scale).total().quantiles(shares)).all()


@given(st.lists(values, min_size=1, max_size=10), st.integers(1, 4))
def test_a_grid_survives_its_bytes(slots: list[list[float]], scale: int) -> None:
    slot = np.repeat(np.arange(len(slots)), [len(raw) for raw in slots])
    made = grid.of_values(slot, len(slots) + 1, np.array([value for raw in slots for value in raw]), scale)
    back = packed.decode(packed.encode(made))
    assert (back.count == made.count).all() and (back.zero == made.zero).all()
    assert np.allclose(back.sum, made.sum, rtol=1e-11, atol=0)
    assert (back.rescale(back.scale).counts.sum(axis=1) == made.counts.sum(axis=1)).all()
    filled = made.count > 0
    assert (back.low[filled] <= made.low[filled]).all() and (back.high[filled] >= made.high[filled]).all()
    assert np.allclose(back.quantiles(shares), made.quantiles(shares), rtol=1e-4, equal_nan=True)


def test_a_sum_beyond_its_buckets_survives_its_bytes() -> None:
    made = grid.of_values(np.zeros(3, dtype=np.int64), 1, np.array([0.1, 0.2, 0.3]))
    for said in (0.06, 6.0, math.inf):
        back = packed.decode(packed.encode(replace(made, sum=np.array([said]))))
        assert back.sum[0] == pytest.approx(said, rel=1e-10)


def test_an_empty_grid_survives_its_bytes() -> None:
    back = packed.decode(packed.encode(grid.empty(60)))
    assert back.slots == 60 and back.count.sum() == 0 and np.isnan(back.quantiles([0.5])).all()


@given(values, st.floats(1e-5, 1e4))
def test_values_below_a_limit_are_counted_within_one_bucket(raw: list[float], limit: float) -> None:
    made = grid.of_values(np.zeros(len(raw), dtype=np.int64), 1, np.array(raw))
    width = 2.0 ** (2.0**-made.scale)
    got = made.below(limit)[0]
    assert (
        sum(value <= limit / width for value in raw) - 1e-6
        <= got
        <= sum(value <= limit * width for value in raw) + 1e-6
    )


def test_a_pile_takes_only_what_lies_in_its_slots() -> None:
    part = grid.of_values(np.array([0, 1, 2, 3]), 4, np.array([1.0, 2.0, 3.0, 4.0]))
    piled = grid.pile([(np.array([-1, 0, 0, 1]), part), (np.array([1, 2, 3, 4]), part)], 2)
    assert piled.count.tolist() == [2, 2] and piled.sum.tolist() == [5.0, 5.0]
    assert piled.low.tolist() == [2.0, 1.0] and piled.high.tolist() == [3.0, 4.0]


def test_zeros_have_their_place_in_the_ranks() -> None:
    made = grid.of_values(np.zeros(4, dtype=np.int64), 1, np.array([0.0, 0.0, 0.0, 8.0]))
    assert made.quantiles([0.5, 0.75, 1.0])[:, 0].tolist() == [0.0, 0.0, 8.0]


@given(
    st.lists(st.lists(st.integers(0, 1000), min_size=5, max_size=5), min_size=1, max_size=5),
    st.sampled_from([[0.005, 0.1, 1.0, 10.0], [0.0, 5.0, 10.0, 25.0], [-5.0, 0.0, 1.0, 2.0], [-3.0, -2.0, -1.0, 0.0]]),
)
def test_explicit_buckets_keep_their_totals_and_their_order(rows: list[list[int]], bounds: list[float]) -> None:
    counts = np.array(rows)
    unknown = np.full(len(rows), np.nan)
    zero, offset, made = sketch.from_explicit(np.array(bounds), counts, unknown, np.full(len(rows), bounds[-1] + 20))
    assert (made >= 0).all() and (made.sum(axis=1) + zero == counts.sum(axis=1)).all()
    edges = sketch.upper_bound(np.arange(offset, offset + made.shape[1]), sketch.MAX_SCALE)
    for number, bound in enumerate(bounds):
        if bound > 0:
            below = zero + made[:, edges <= bound].sum(axis=1)
            truth = counts[:, : number + 1].sum(axis=1)
            assert (below <= truth).all()
            above = zero + made[:, edges <= bound * 2 ** (2.0**-sketch.MAX_SCALE)].sum(axis=1)
            assert (above >= truth - 1).all()


@pytest.mark.parametrize(("scale", "error"), [(4, 0.0219), (3, 0.0443), (0, 0.4143)])
def test_the_bound_of_a_scale(scale: int, error: float) -> None:
    assert sketch.relative_error(scale) == pytest.approx(error, abs=1e-4)


@given(st.lists(st.integers(0, 2**62), max_size=50, unique=True), st.booleans())
def test_instants_survive_their_bytes(times: list[int], ordered: bool) -> None:
    given_times = np.array(sorted(times) if ordered else times, dtype=np.int64)
    assert chunk.decode_times(chunk.encode_times(given_times)).tolist() == given_times.tolist()
