"""What the dashboards have in common, whatever they read."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)

GREEN, YELLOW, RED, GREY = "green", "yellow", "red", "text"
WIDE, HALF, THIRD, QUARTER = 24, 12, 8, 6


def dashboard(uid: str, title: str, description: str, source: board.DatasourceVariable) -> board.Dashboard:
    """An empty dashboard that asks what it reads, with links to the others."""
    return (
        board.Dashboard(title)
        .uid(f"century-{uid}")
        .description(description)
        .tags(["century"])
        .timezone("browser")
        .refresh("30s")
        .time("now-6h", "now")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(board.DashboardLink("Century").tags(["century"]).as_dropdown(True).keep_time(True).include_vars(True))
        .with_variable(source)
    )


def thresholds(*steps: tuple[float | None, str]) -> board.ThresholdsConfig:
    """Colours from values on; None stands for the lowest."""
    return (
        board.ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([Threshold(value=at, color=color) for at, color in steps])
    )


def words(**named: tuple[str, str]) -> list[ValueMap]:
    """What values are called, and their colours: `_0=("down", RED)`."""
    options = {
        key.removeprefix("_"): ValueMappingResult(text=said, color=color, index=place)
        for place, (key, (said, color)) in enumerate(named.items())
    }
    return [ValueMap(options=options)]
