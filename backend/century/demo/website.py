"""The watched service: a county's property-tax pages, with inquiries and the payment of their fee."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable

import httpx
from litestar import Litestar, Response, get, post
from litestar.exceptions import HTTPException, NotFoundException
from litestar.params import FromPath, FromQuery
from opentelemetry import propagate

from century.demo.store import Store
from century.demo.traffic import CHARGE, HOME, INQUIRE, INQUIRY, PAY, PROPERTY, SEARCH, Page
from century.demo.weather import Weather


class Declined(HTTPException):
    """The payment service did not take the payment."""

    status_code = 502
    detail = "the payment could not be made"


def website(store: Store, sky: Callable[[], Weather], payments: httpx.AsyncClient) -> Litestar:
    """The service over its database, under a weather, with a client of its payment service."""

    async def think(page: Page) -> None:
        """As long as templates, tax tables and a loaded database would take; now and then the database is locked."""
        slower = sky().database if page.database else 1.0
        await asyncio.sleep(random.lognormvariate(0, page.spread) * page.median * slower)
        failing = sky().inquiries_failing if page is INQUIRE else 0.0
        if page.database and random.random() < max(failing, sky().database_failing):
            raise sqlite3.OperationalError("database is locked")

    @get("/")
    async def home() -> str:
        await think(HOME)
        return "Property tax: find your parcel."

    @get("/properties")
    async def search(street: FromQuery[str]) -> list[dict[str, str | int]]:
        await think(SEARCH)
        return [{"parcel": number, "house": house} for number, house in await store.search(street)]

    @get("/properties/{parcel:str}")
    async def show(parcel: FromPath[str]) -> dict[str, str | float]:
        await think(PROPERTY)
        worth = await store.worth(parcel)
        if worth is None:
            raise NotFoundException(f"There is no parcel {parcel}.")
        return {"parcel": parcel, "tax": round(worth * 0.0181, 2)}

    @post("/inquiries")
    async def inquire(parcel: FromQuery[str]) -> dict[str, int]:
        await think(INQUIRE)
        return {"number": await store.inquire(parcel)}

    @get("/inquiries/{number:int}")
    async def inquiry(number: FromPath[int]) -> dict[str, str | bool]:
        await think(INQUIRY)
        found = await store.inquiry(number)
        if found is None:
            raise NotFoundException(f"There is no inquiry {number}.")
        return {"parcel": found[0], "paid": found[1]}

    @post("/inquiries/{number:int}/payment")
    async def pay(number: FromPath[int]) -> dict[str, bool]:
        headers: dict[str, str] = {}
        propagate.inject(headers)
        await asyncio.sleep(random.lognormvariate(0, PAY.spread) * (PAY.median - CHARGE.median))
        answer = await payments.post("/charges", headers=headers, json={"inquiry": number, "cents": 2500})
        if answer.status_code != 201:
            raise Declined(f"the payment service answered {answer.status_code}")
        await store.paid(number)
        return {"paid": True}

    return Litestar(
        [home, search, show, inquire, inquiry, pay],
        openapi_config=None,
        logging_config=None,
        on_shutdown=[store.close],
    )


def payments_api(sky: Callable[[], Weather]) -> Litestar:
    """What the service pays with: it takes its time, and has its bad minutes."""

    @post("/charges")
    async def charge() -> Response[dict[str, str]]:
        failing = random.random() < sky().payments_failing
        await asyncio.sleep(random.lognormvariate(0, CHARGE.spread) * CHARGE.median * (3 if failing else 1))
        if failing:
            return Response({"error": "the card network does not answer"}, status_code=503)
        return Response({"state": "charged"}, status_code=201)

    return Litestar([charge], openapi_config=None, logging_config=None)
