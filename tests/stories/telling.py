"""The world of a story: a whole installation in one process, whose clock moves on when told, and real receivers.

Telemetry comes in by the real door; `settle` does what the worker's three loops do, by the same functions, until nothing
is due; people ask through the real schema, each with their role.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
from aiosmtpd.smtp import SMTP
from sqlalchemy import text

from century import worker
from century.access.attempts import Caller
from century.access.keys import create_key
from century.access.people import create_person
from century.access.service import Access
from century.core.actor import Role, Scope
from century.core.settings import Settings, Smtp
from century.core.work import Works
from century.server import create_app
from tests.notify.receivers import Mailbox, Receiver, http_receiver
from tests.stories.reports import report
from tests.stories.rounds import Rounds
from tests.world import MovableClock, World

PASSWORD = "four walnut trees, one goat"
DESK = Caller(address="192.0.2.10", user_agent="a browser", device="d" * 32)
PROTOBUF = {"content-type": "application/x-protobuf"}
SIGNED_IN_FOR = timedelta(minutes=5)
MOST_ROUNDS = 40
REPORTED_EVERY = timedelta(minutes=2)

# Everything that may still change when nothing is due any more.
FINGERPRINT = text(
    """SELECT (SELECT max(number) FROM journal),
        (SELECT md5(string_agg(concat(id, state, due_at, attention_at, level), ',' ORDER BY id)) FROM alert),
        (SELECT md5(string_agg(concat(id, state, due_at, delivery_id), ',' ORDER BY id)) FROM notification),
        (SELECT md5(string_agg(concat(id, state, due_at, claims), ',' ORDER BY id)) FROM delivery),
        (SELECT md5(string_agg(concat(id, outcome), ',' ORDER BY id)) FROM attempt)"""
)
NEXT = text(
    """SELECT min(at) FROM (
        SELECT due_at AS at FROM alert WHERE due_at IS NOT NULL
        UNION ALL SELECT attention_at FROM alert WHERE attention_at IS NOT NULL AND state <> 'resolved'
        UNION ALL SELECT due_at FROM notification WHERE state = 'waiting' AND delivery_id IS NULL
        UNION ALL SELECT due_at FROM delivery WHERE state IN ('waiting', 'sending')
        UNION ALL SELECT look_at FROM verdict WHERE look_at IS NOT NULL
    ) due WHERE at > :now"""
)


@dataclass
class Client:
    """Somebody who asks: their token is renewed as the story's time goes by."""

    story: Story
    name: str
    _signed_in: datetime | None = None
    _token: str = ""

    async def headers(self) -> dict[str, str]:
        now = self.story.clock.now()
        if self._signed_in is None or now - self._signed_in > SIGNED_IN_FOR:
            self._token = (await self.story.access.login(self.name, PASSWORD, DESK)).access_token
            self._signed_in = now
        return {"authorization": f"Bearer {self._token}"}

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The answer to an operation, errors and all."""
        body = {"query": query, "variables": variables}
        response = await self.story.http.post("/graphql", json=body, headers=await self.headers())
        answer: dict[str, Any] = response.json()
        return answer

    async def data(self, query: str, **variables: Any) -> Any:
        """The data of an answer that must have no errors."""
        answer = await self.ask(query, **variables)
        assert "errors" not in answer, answer
        return answer["data"]

    async def do(self, mutation: str, input: dict[str, Any], answer: str) -> Any:
        """What a mutation with one input answers."""
        kind = mutation[0].upper() + mutation[1:]
        kinds = await self._kind_of(mutation)
        data = await self.data(
            f"mutation {kind}($input: {kinds}) {{ {mutation}(input: $input) {{ {answer} }} }}", input=input
        )
        return data[mutation]

    async def _kind_of(self, mutation: str) -> str:
        argument = self.story.site.state.century.api.schema._schema.mutation_type.fields[mutation].args["input"]
        return str(argument.type)


@dataclass
class PostOffice:
    """A mail server that can be closed, and opened again at the same address."""

    mailbox: Mailbox
    _server: asyncio.Server | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self.mailbox, hostname="mail.example.com", ident="a story", loop=loop),
            self.mailbox.host,
            self.mailbox.port,
        )
        self.mailbox.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server:
            self._server.close()
            await self._server.wait_closed()
            self._server = None


@dataclass
class Story:
    """An installation with a viewer, an operator and an admin, an exporter's key, a pager and a mailbox."""

    world: World
    settings: Settings
    site: Any
    http: httpx.AsyncClient
    access: Access
    key: str
    post_office: PostOffice
    rounds: Rounds
    clients: dict[str, Client] = field(default_factory=dict)

    @property
    def clock(self) -> MovableClock:
        return self.world.clock

    @property
    def works(self) -> Works:
        return self.world.works

    @property
    def viewer(self) -> Client:
        return self.clients["viewer"]

    @property
    def operator(self) -> Client:
        return self.clients["operator"]

    @property
    def admin(self) -> Client:
        return self.clients["admin"]

    @property
    def mailbox(self) -> Mailbox:
        return self.post_office.mailbox

    # What services do.

    async def report(self, service: str = "checkout", **figures: Any) -> None:
        """A service's report comes in by the real door."""
        await self.send(report(service, at=self.clock.now(), **figures))

    async def send(self, body: bytes) -> None:
        """Metrics, as an exporter sends them."""
        headers = {**PROTOBUF, "authorization": f"Bearer {self.key}"}
        response = await self.http.post("/v1/metrics", content=body, headers=headers)
        assert response.status_code == 200, response.text

    async def goes_well(self, service: str = "checkout") -> None:
        """Ten seconds in which nothing fails; and what follows."""
        await self.report(service, good=200)
        await self.settle()

    async def fails(self, service: str = "checkout") -> None:
        """Ten seconds in which every second request fails; and what follows."""
        await self.report(service, good=100, bad=100)
        await self.settle()

    # How time goes by.

    async def settle(self) -> None:
        """Evaluate, climb and deliver, until nothing is due."""
        before = None
        for _ in range(MOST_ROUNDS):
            await self.rounds.watch()
            await self.rounds.climb()
            await self.rounds.deliver()
            after = tuple((await self.rows(FINGERPRINT))[0])
            if after == before:
                return
            before = after
        raise AssertionError("it never comes to rest")

    async def pass_by(
        self,
        duration: timedelta | None = None,
        *,
        failing: Sequence[str] = (),
        slow: Sequence[str] = (),
        **amount: float,
    ) -> None:
        """Let time go by, from one due thing to the next; meanwhile these services go on failing, or being slow."""
        end = self.clock.now() + (duration or timedelta(**amount))
        while self.clock.now() < end:
            due = (await self.rows(NEXT, now=self.clock.now()))[0][0]
            step = min(end, self.clock.now() + REPORTED_EVERY if failing or slow else end, due or end)
            self.clock.instant = step
            for service in failing:
                await self.report(service, good=100, bad=100)
            for service in slow:
                await self.report(service, good=100, seconds=8.0)
            await self.settle()

    # What is seen.

    async def rows(self, statement: Any, **parameters: Any) -> Sequence[Any]:
        """What a query answers."""
        async with self.works.read() as work:
            return await work.rows(text(statement) if isinstance(statement, str) else statement, parameters)

    async def alert(self, subject: str = "checkout", rule: str = "", fields: str = "") -> Any:
        """The newest alert of a subject (and a rule), as the viewer sees it."""
        query = f"""query A($filter: AlertFilter) {{ alerts(filter: $filter, first: 10) {{ nodes {{
            id ruleName state severity episode summary openedAt acknowledgedAt responseDueAt responseBreachedAt {fields}
            timeline {{ at kind actor message }} escalation {{ level nextLevelAt }} heldBy {{ kind reason }}
            notifications {{ channel {{ name }} event level episode state attempts {{ at outcome detail }} }} }} }} }}"""
        states = ["PENDING", "FIRING", "ACKNOWLEDGED", "RESOLVED"]
        data = await self.viewer.data(query, filter={"subject": subject, "states": states})
        found = [each for each in data["alerts"]["nodes"] if rule in ("", each["ruleName"])]
        return max(found, key=lambda each: str(each["openedAt"]))

    async def kinds(self, subject: str = "checkout") -> list[str]:
        """The kinds of an alert's timeline, oldest first."""
        return [each["kind"] for each in (await self.alert(subject))["timeline"]]

    # What people set up.

    async def webhook(self, name: str, url: str, **more: Any) -> str:
        """A webhook channel; its id."""
        settings = [{"name": "url", "value": url}]
        channel = {"name": name, "kind": "WEBHOOK", "settings": settings, **more}
        return str((await self.admin.do("saveChannel", channel, "channel { id }"))["channel"]["id"])

    async def policy(self, *levels: tuple[str, str, str]) -> str:
        """A new default policy of levels (name, delay, channel's id); its id."""
        made = {
            "name": "The story's",
            "isDefault": True,
            "levels": [
                {"name": name, "delay": delay, "targets": [{"kind": "CHANNEL", "id": channel}]}
                for name, delay, channel in levels
            ],
        }
        return str((await self.admin.do("saveEscalationPolicy", made, "policy { id }"))["policy"]["id"])

    async def rule(self, name: str) -> Any:
        """A rule, as the admin reads it."""
        data = await self.admin.data("{ rules { id name version } }")
        return next(each for each in data["rules"] if each["name"] == name)

    async def without(self, name: str) -> None:
        """Switch a rule off."""
        await self.admin.do("setRuleEnabled", {"id": (await self.rule(name))["id"], "enabled": False}, "rule { id }")


@contextlib.asynccontextmanager
async def living(site: Any) -> AsyncIterator[None]:
    """A site that is started and stopped, both by one task: a fixture begins and ends in two."""
    started, ended = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with site.lifespan():
            started.set()
            await ended.wait()

    task = asyncio.create_task(live())
    try:
        await asyncio.wait({task, waiting := asyncio.create_task(started.wait())}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        yield
    finally:
        ended.set()
        await task


@contextlib.asynccontextmanager
async def story(world: World) -> AsyncIterator[Story]:
    """An installation as it is after its first start, with people in it."""
    post_office = PostOffice(Mailbox("127.0.0.1", 0))
    await post_office.open()
    try:
        settings = replace(
            world.settings,
            egress_allow=("127.0.0.0/8",),
            smtp=Smtp("127.0.0.1", post_office.mailbox.port, "century@example.com", "none", "", ""),
        )
        async with world.works.begin() as work:
            for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN):
                await create_person(work, settings, role.value, f"{role.value}@example.com", role, PASSWORD)
            key = (await create_key(work, settings, "exporter", [Scope.INGEST]))[1]
        await worker.plant_seeds(world.works)
        site = create_app(settings, clock=world.clock)
        async with (
            living(site),
            httpx.AsyncClient(transport=httpx.ASGITransport(site), base_url="http://century", timeout=30) as http,
        ):
            rounds = Rounds(settings, world.works)
            made = Story(world, settings, site, http, site.state.century.access, key, post_office, rounds)
            made.clients = {role.value: Client(made, role.value) for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN)}
            try:
                yield made
            finally:
                await rounds.close()
    finally:
        await post_office.close()


__all__ = ["PASSWORD", "Client", "Receiver", "Story", "http_receiver", "story"]
