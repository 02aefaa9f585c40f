"""What the worker runs for telemetry."""

from __future__ import annotations

from century.core.work import Works
from century.telemetry import compaction, exemplars


async def compact(works: Works) -> int:
    """Every minute: closed hours become chunks."""
    return await compaction.compact(works)


async def forget_exemplars(works: Works) -> int:
    """Every hour: exemplars whose time is over go."""
    return await exemplars.forget(works)
