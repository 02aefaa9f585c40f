"""What the worker runs for the overview: it tells what it counts."""

from __future__ import annotations

from century.core.settings import Settings
from century.core.work import Works
from century.overview.self_metrics import Telling


async def tell_meters(settings: Settings, works: Works) -> None:
    """Tell `/metrics` what this worker counts, for as long as it works."""
    telling = Telling(works, "worker")
    try:
        await telling.run()
    finally:
        await telling.stop()
