"""The demonstration: a past that is the same whenever it is told, loaded once, and a service that runs."""

from __future__ import annotations

import asyncio
import gzip
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from century.demo import loading
from century.demo.past import DAYS, STEP, STRETCH, batches, stretches
from century.demo.store import Store
from century.demo.traffic import PAGES, PAY, PAYMENTS, SERVICE
from century.demo.visitors import Visitors
from century.demo.weather import DAY, HOUR, PEAK, RELEASES, Weather, rhythm, weather
from century.demo.website import payments_api, website
from tests.client.conftest import KEY
from tests.client.receiver import Receiver, plain

END = 1_795_500_000 // 60 * 60
CALM = Weather(rate=200.0, database=0.05, payments_failing=0.0, inquiries_failing=0.0)


def test_the_past_is_thirty_days_in_order() -> None:
    begins = stretches(END)
    assert begins[0] == END - DAYS * DAY
    assert begins == sorted(begins)
    assert begins[-1] + STRETCH == END


def test_a_stretch_is_the_same_bytes_whenever_it_is_told() -> None:
    begin = stretches(END)[17]
    assert list(batches(begin, END)) == list(batches(begin, END))


def test_its_histograms_add_up() -> None:
    services = set()
    for batch in batches(stretches(END)[30], END):
        if batch.path != "/v1/metrics":
            continue
        (resource,) = ExportMetricsServiceRequest.FromString(batch.body).resource_metrics
        services.add(plain(resource.resource.attributes)["service.name"])
        begin = stretches(END)[30]
        for metric in resource.scope_metrics[0].metrics:
            for point in metric.exponential_histogram.data_points:
                assert sum(point.positive.bucket_counts) == point.count > 0
                assert point.min * point.count <= point.sum * 1.000001 <= point.max * point.count * 1.000002
                assert point.time_unix_nano - point.start_time_unix_nano == STEP * 10**9
                assert begin < point.time_unix_nano / 1e9 <= begin + STRETCH
                low, base = point.positive.offset, 2**2**-point.scale
                assert base**low < point.min * 1.000001
                assert point.max <= base ** (low + len(point.positive.bucket_counts)) * 1.000001
    assert services == {SERVICE, PAYMENTS}


def test_trouble_of_the_past_can_be_read_about() -> None:
    bad = END - int(4.43 * DAY)
    begin = max(begin for begin in stretches(END) if begin <= bad)
    spans = [
        span
        for batch in batches(begin, END)
        if batch.path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(batch.body).resource_spans
        for span in resource.scope_spans[0].spans
    ]
    assert any("payment" in span.name and span.status.message for span in spans)
    assert all(span.start_time_unix_nano < span.end_time_unix_nano for span in spans)


def test_a_day_has_a_rhythm_and_a_month_has_trouble() -> None:
    hours = [rhythm(END + hour * HOUR) for hour in range(7 * 24)]
    assert min(hours) < 0.15
    assert 0.9 < max(hours) <= 1
    moments = [weather(END - minute * 60, END) for minute in range(0, DAYS * 24 * 60, 3)]
    assert all(0 < moment.rate <= PEAK for moment in moments)
    assert 0.01 < sum(moment.database > 3 for moment in moments) / len(moments) < 0.1
    assert 0.001 < sum(moment.payments_failing > 0.1 for moment in moments) / len(moments) < 0.05
    assert weather(END + 350, END).database > 3, "trouble soon after the first start"


def test_its_first_trouble_breaks_the_guides_first_rule_and_is_over_soon() -> None:
    share = sum(page.share for page in PAGES if page.database and page is not PAY)

    def error_rate(until: int) -> float:
        """Of the five minutes before."""
        return sum(weather(END + second, END).database_failing * share for second in range(until - 300, until, 5)) / 60

    assert max(error_rate(second) for second in range(300, 600, 10)) > 0.07
    assert error_rate(840) < 0.04, "below what it recovers at"


class Century:
    """The two addresses that loading needs, of a Century that may be told to fail."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.releases: list[str] = []
        self.fails_at: int | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/graphql":
            self.releases.append(loading.json.loads(request.content)["variables"]["version"])
            return httpx.Response(200, json={"data": {}})
        if self.fails_at == len(self.bodies):
            return httpx.Response(401, text="the key was revoked")
        self.bodies.append(gzip.decompress(request.content))
        return httpx.Response(200)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(self), base_url="http://century.test") as client:
            yield client


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The last day only: the rest is more of the same."""
    monkeypatch.setattr(loading, "stretches", lambda end: stretches(end)[-4:])
    yield


@pytest.mark.usefixtures("few")
async def test_the_past_is_loaded_once(tmp_path: Path) -> None:
    century = Century()
    async with century.client() as client:
        first = await loading.load(client, tmp_path / "loaded.json")
        sent = len(century.bodies)
        again = await loading.load(client, tmp_path / "loaded.json")
    assert first == again
    assert len(century.bodies) == sent >= 8
    assert century.releases == [release.version for release in RELEASES]


@pytest.mark.usefixtures("few")
async def test_an_interrupted_load_goes_on_and_repeats_only_the_same_bytes(tmp_path: Path) -> None:
    century = Century()
    async with century.client() as client:
        century.fails_at = 4
        with pytest.raises(loading.Refused, match="Century answered 401 to /v1/"):
            await loading.load(client, tmp_path / "loaded.json")
        century.fails_at = None
        await loading.load(client, tmp_path / "loaded.json")
    whole = Century()
    async with whole.client() as client:
        begun = loading.Loaded.read(tmp_path / "loaded.json")
        loading.Loaded(begun.end, begun.memory).write(tmp_path / "whole.json")
        await loading.load(client, tmp_path / "whole.json")
    assert set(century.bodies) == set(whole.bodies)


async def test_visitors_get_what_they_ask_for(tmp_path: Path) -> None:
    store = Store(tmp_path / "tax.sqlite")
    payments = httpx.AsyncClient(transport=httpx.ASGITransport(payments_api(lambda: CALM)), base_url="http://pay.test")  # type: ignore[arg-type]
    site: Any = website(store, lambda: CALM, payments)
    async with payments, httpx.AsyncClient(transport=httpx.ASGITransport(site), base_url="http://tax.test") as client:
        assert (await client.get("/properties/R00007")).json()["tax"] > 0
        assert (await client.get("/properties/R99999")).status_code == 404
        made = await client.post("/inquiries?parcel=R00007")
        number = made.json()["number"]
        assert (await client.post(f"/inquiries/{number}/payment")).json() == {"paid": True}
        assert (await client.get(f"/inquiries/{number}")).json() == {"parcel": "R00007", "paid": True}

        statuses: set[int] = set()
        enough = asyncio.Event()

        async def note(answer: httpx.Response) -> None:
            statuses.add(answer.status_code)
            if len(statuses & {200, 201}) == 2:
                enough.set()

        client.event_hooks["response"] = [note]
        visiting = asyncio.create_task(Visitors(client, lambda: CALM).come())
        await asyncio.wait_for(enough.wait(), 10)
        visiting.cancel()
        await asyncio.wait({visiting})
        assert statuses <= {200, 201, 404, 500}
    store.close()


def test_it_runs_until_a_signal(tmp_path: Path, receiver: Receiver) -> None:
    (tmp_path / "demo").mkdir()
    loading.Loaded(END, 0.3, stretches=len(stretches(END)), releases=len(RELEASES)).write(
        tmp_path / "demo" / "loaded.json"
    )
    command = [sys.executable, "-m", "century.demo", "--endpoint", receiver.address, "--key", KEY]
    with subprocess.Popen([*command, "--data-dir", str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().split()[-1].rstrip(".")
            for parcel in ("R00001", "R00002"):
                assert httpx.get(f"{address}/properties/{parcel}", trust_env=False).status_code in (200, 500)
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0
        finally:
            process.kill()
    told = [
        (plain(resource.resource.attributes)["service.name"], metric.name)
        for batch in receiver.metrics
        for resource in batch.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    ]
    assert {service for service, _ in told} == {SERVICE, PAYMENTS}
    assert (SERVICE, "db.client.connection.count") in told
    assert sum(count for point, count in receiver.durations() if point.get("http.route") == "/properties/{parcel}") >= 2
