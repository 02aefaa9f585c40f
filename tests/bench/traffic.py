"""What the question bench tells of: the requests of 50 services with 5 routes each, over 30 days."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

SERVICES, ROUTES, DAYS = 50, 5, 30
SECOND = 1_000_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
STEP = 10 * SECOND
REQUESTS_A_POINT = 10


def requests(template: int, end: int) -> Iterator[tuple[int, np.ndarray, list[tuple[np.ndarray, np.ndarray]]]]:
    """Thirty days of one service, hour by hour: its begin, the times of its points, and for each route how many
    requests each point tells of and the seconds every one of them took."""
    generator = np.random.default_rng(template)
    for start in range(end - DAYS * DAY, end, HOUR):
        at = start + np.arange(0, HOUR, STEP) + np.cumsum(generator.integers(0, SECOND // 1000, HOUR // STEP))
        yield start, at, [drawn(generator, number, at) for number in range(ROUTES)]


def drawn(generator: np.random.Generator, series: int, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """About ten requests each ten seconds, more by day."""
    busy = 1 + 0.6 * np.sin(at[0] / DAY * 2 * np.pi)
    sizes = generator.poisson(REQUESTS_A_POINT * busy, len(at))
    return sizes, generator.lognormal(-2.5 + series % ROUTES * 0.3, 0.5, int(sizes.sum()))
