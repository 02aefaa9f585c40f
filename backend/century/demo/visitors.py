"""The load: visitors who come as the day goes, whether the service keeps up or not."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import httpx

from century.demo.store import PARCELS, STREETS
from century.demo.traffic import HOME, INQUIRE, INQUIRY, PAGES, PAY, PROPERTY, SEARCH, UNKNOWN, Page
from century.demo.weather import Weather

MOST_AT_ONCE = 60


class Visitors:
    """Sends requests at the weather's rate, at random times, until cancelled."""

    def __init__(self, site: httpx.AsyncClient, sky: Callable[[], Weather]) -> None:
        self._site = site
        self._sky = sky
        self._inquiries = [1]
        self._under_way: set[asyncio.Task[None]] = set()

    async def come(self) -> None:
        """One after another, none waiting for the one before; when cancelled, all leave."""
        try:
            while True:
                await asyncio.sleep(random.expovariate(max(0.05, self._sky().rate)))
                if len(self._under_way) < MOST_AT_ONCE:
                    self._begin(self._ask(random.choices(PAGES, [page.share for page in PAGES])[0]))
        finally:
            for task in self._under_way:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)

    def _begin(self, visit: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(visit)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _ask(self, page: Page) -> None:
        parcel = f"R{random.randrange(PARCELS):05}" if random.random() >= UNKNOWN else "R99999"
        number = random.choice(self._inquiries)
        path = {
            HOME: "/",
            SEARCH: f"/properties?street={random.choice(STREETS)}",
            PROPERTY: f"/properties/{parcel}",
            INQUIRE: f"/inquiries?parcel=R{random.randrange(PARCELS):05}",
            INQUIRY: f"/inquiries/{number}",
            PAY: f"/inquiries/{number}/payment",
        }[page]
        try:
            answer = await self._site.request(page.method, path)
        except httpx.HTTPError:
            return  # a visitor who gives up
        if page is INQUIRE and answer.status_code == 201:
            self._inquiries = [*self._inquiries[-50:], answer.json()["number"]]
