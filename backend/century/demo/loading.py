"""Load the past through the real door, once, going on where it was interrupted."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from century.demo.past import DAYS, Batch, batches, stretches
from century.demo.traffic import SERVICE
from century.demo.weather import DAY, RELEASES

PATIENCE = 60.0
RECORD = """
mutation RecordDeployment($service: String!, $version: String!, $url: String, $at: DateTime!) {
  recordDeployment(input: { service: $service, version: $version, url: $url, at: $at }) { deployment { id } }
}
"""


class Refused(Exception):
    """Century said no; the sentence says to what."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """How far the past is loaded: when it ends (Unix seconds), the machine's memory in use then (0..1), how many
    stretches and releases are in, and until when its alerts are told (Unix seconds)."""

    end: int
    memory: float
    stretches: int = 0
    releases: int = 0
    told: int = 0

    @classmethod
    def read(cls, path: Path) -> Loaded:
        """What was noted; a past that ends now where nothing was."""
        try:
            return cls(**json.loads(path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return cls(int(time.time()) // 60 * 60, psutil.virtual_memory().percent / 100)

    def write(self, path: Path) -> None:
        """Note it, all or nothing."""
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(asdict(self)))
        os.replace(beside, path)


async def load(century: httpx.AsyncClient, path: Path) -> Loaded:
    """Send what is missing, oldest first; what was sent is noted in `path`, and sending it again changes nothing."""
    loaded = Loaded.read(path)
    loaded.write(path)
    begins = stretches(loaded.end)
    if loaded.stretches < len(begins):
        with _bar() as bar:
            shown = bar.add_task(f"Loading {DAYS} days", total=len(begins), completed=loaded.stretches)
            async for number, sent in _ahead(begins, loaded):
                for batch in sent:
                    await _send(century, batch)
                loaded = replace(loaded, stretches=number + 1)
                loaded.write(path)
                bar.update(shown, completed=number + 1)
    for release in RELEASES[loaded.releases :]:
        await _record(century, loaded.end - release.days_ago * DAY, release.version)
        loaded = replace(loaded, releases=loaded.releases + 1)
        loaded.write(path)
    return loaded


async def _ahead(begins: list[int], loaded: Loaded) -> AsyncIterator[tuple[int, list[Batch]]]:
    """Batches made in a thread while those before are being sent."""

    def make(number: int) -> asyncio.Future[list[Batch]]:
        return asyncio.ensure_future(
            asyncio.to_thread(
                lambda: [
                    Batch(b.path, gzip.compress(b.body, 3, mtime=0))
                    for b in batches(begins[number], loaded.end, loaded.memory)
                ]
            )
        )

    coming = make(loaded.stretches)
    for number in range(loaded.stretches, len(begins)):
        ready = await coming
        if number + 1 < len(begins):
            coming = make(number + 1)
        yield number, ready


async def _send(century: httpx.AsyncClient, batch: Batch) -> None:
    headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
    answer = await _patiently(century, batch.path, content=batch.body, headers=headers)
    if answer.status_code != 200:
        raise Refused(f"Century answered {answer.status_code} to {batch.path}: {answer.text[:300]}")


async def _record(century: httpx.AsyncClient, at: float, version: str) -> None:
    variables = {
        "service": SERVICE,
        "version": version,
        "url": f"https://git.example.org/property-tax/releases/{version}",
        "at": datetime.fromtimestamp(int(at), UTC).isoformat().replace("+00:00", "Z"),
    }
    answer = await _patiently(century, "/graphql", json={"query": RECORD, "variables": variables})
    if answer.status_code != 200 or b'"errors"' in answer.content:
        raise Refused(f"Century did not record release {version}: {answer.text[:300]}")


async def _patiently(century: httpx.AsyncClient, path: str, **request: object) -> httpx.Response:
    """Asked again, for a minute, while Century starts, restarts or asks to wait."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            answer = await century.post(path, **request)  # type: ignore[arg-type]
            if answer.status_code not in (429, 502, 503, 504):
                return answer
            wait = min(10.0, float(answer.headers.get("Retry-After", "1")))
            reason = f"answered {answer.status_code}"
        except httpx.TransportError as error:
            wait, reason = 0.5, f"does not answer ({type(error).__name__})"
        if time.monotonic() > deadline:
            raise Refused(f"Century {reason} for {PATIENCE:.0f} s")
        await asyncio.sleep(wait)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stdout),
    )
