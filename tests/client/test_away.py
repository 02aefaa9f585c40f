"""What the application notices of Century being away, of forks and of its own end: nothing."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest

from century.client import instrument
from century.client.watch import Watch
from tests.client.conftest import KEY
from tests.client.receiver import Receiver, receiving

Watched = Callable[..., Any]


def page(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [b"page"]


def ask(app: Any, times: int = 1) -> None:
    with httpx.Client(transport=httpx.WSGITransport(app), base_url="http://shop.test") as client:
        for _ in range(times):
            assert client.get("/").status_code == 200


def total(receiver: Receiver) -> int:
    return sum(count for _, count in receiver.durations())


def test_what_century_could_not_take_is_sent_when_it_can(
    watched: Watched, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "century.client")
    app = watched(page)
    receiver.status = 503
    for times in (1, 2, 3):
        ask(app, times)
        app.watch.flush()
    assert total(receiver) == 0
    receiver.status = 200
    ask(app, 4)
    app.watch.flush()
    assert [count for _, count in receiver.durations()] == [1, 2, 3, 4], "in order, none lost, none twice"
    said = [record.getMessage() for record in caplog.records if record.name == "century.client"]
    assert said == [
        f"Century at {receiver.address} asks to wait (503); the newest telemetry is kept until it does",
        f"Century at {receiver.address} takes telemetry again",
    ]


def test_a_refused_key_is_said_once_and_never_repeated(
    watched: Watched, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    app = watched(page)
    receiver.status = 401
    for _ in range(3):
        ask(app)
        app.watch.flush()
    said = [record.getMessage() for record in caplog.records if record.name == "century.client"]
    assert len(said) == 1
    assert "refuses the key (401)" in said[0]
    assert KEY not in caplog.text


def test_a_batch_that_century_refuses_is_let_go(watched: Watched, receiver: Receiver) -> None:
    app = watched(page)
    receiver.status = 400
    ask(app)
    app.watch.flush()
    receiver.status = 200
    ask(app, 2)
    app.watch.flush()
    assert [count for _, count in receiver.durations()] == [2]


def test_nobody_answers_and_the_end_comes_soon() -> None:
    with receiving() as receiver:
        address = receiver.address
    app: Any = instrument(page, service="shop", endpoint=address, key=KEY, interval=0.1)
    ask(app, 100)
    before = time.monotonic()
    app.watch.stop()
    assert time.monotonic() - before < 4
    ask(app)


def test_an_answer_that_never_comes_holds_up_no_request(receiver: Receiver) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        app: Any = instrument(
            page, service="shop", endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}", key=KEY, interval=0.1
        )
        before = time.monotonic()
        ask(app, 300)
        assert time.monotonic() - before < 3
        before = time.monotonic()
        app.watch.stop()
        assert time.monotonic() - before < 8


def test_instrumentation_that_cannot_start_leaves_the_application_alone(
    caplog: pytest.LogCaptureFixture, watched: Watched
) -> None:
    app = watched(page)
    app.watch._make = lambda: 1 / 0
    ask(app, 2)
    assert [record.getMessage() for record in caplog.records] == [
        "Century's instrumentation could not start; the application runs without it"
    ]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forked_workers_count_their_own_requests_once(receiver: Receiver, tmp_path: Path) -> None:
    program = tmp_path / "preloaded.py"
    program.write_text(
        """
import os, sys
from century.client import instrument

def page(environ, start_response):
    start_response("200 OK", [])
    return [b"page"]

app = instrument(page, service="shop", endpoint=sys.argv[1], key=sys.argv[2], interval=3600.0)

def ask(times):
    for _ in range(times):
        list(app({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda *_: None))

ask(1)  # the master served before it forked
children = []
for times in (10, 100):
    child = os.fork()
    if not child:
        ask(times)
        app.watch.stop()
        os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
"""
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(program), receiver.address, KEY],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(count for _, count in receiver.durations()) == [1, 10, 100]
    assert len({resource["service.instance.id"] for resource in receiver.resources()}) == 3


def test_it_imports_nothing_else_of_century() -> None:
    program = "import sys, century.client; print([m for m in sys.modules if m.startswith('century')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    loaded = eval(done.stdout)
    assert {name.split(".")[1] for name in loaded if "." in name} == {"client"}
    heavy = "import sys, century.client; print([m for m in ('litestar', 'numpy', 'sqlalchemy', 'requests') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, timeout=60, check=True)
    assert eval(done.stdout) == []


GOOD = {"service": "shop", "endpoint": "https://century.example.org", "key": KEY}


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"service": " "}, "service is empty: give the name under which Century shows this application"),
        ({"service": "x" * 201}, "service has 201 characters: a name has at most 200"),
        ({"endpoint": "century.example.org"}, "endpoint is 'century.example.org': give Century's address, such as"),
        ({"endpoint": "https://me:pw@century.example.org"}, "the key alone says who sends"),
        ({"endpoint": "https://century.example.org/v1/metrics"}, "endpoint is Century's address alone"),
        ({"key": ""}, "key is empty: `century keys create NAME --scope ingest` makes one"),
        (
            {"key": "sk_live_1234567890"},
            "key is not one of Century's, which begin with cpt_monitor_ and hold no spaces",
        ),
        ({"key": KEY + "\n"}, "key is not one of Century's, which begin with cpt_monitor_ and hold no spaces"),
        ({"interval": 0}, "interval is 0: give the seconds between two exports, from 0.1 to 3600"),
        ({"interval": "10"}, "interval is '10': give the seconds between two exports, from 0.1 to 3600"),
        ({"slow": 0}, "slow is 0: give the seconds from which a request counts as slow"),
    ],
)
def test_arguments_that_cannot_work_are_told_in_a_sentence(changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        instrument(page, **{**GOOD, **changed})
    assert sentence in str(caught.value)
    assert "sk_live" not in str(caught.value)


def test_what_is_no_application_is_refused() -> None:
    with pytest.raises(TypeError, match="give an ASGI or WSGI application"):
        instrument("shop:app", **GOOD)
    with pytest.raises(TypeError, match="neither ASGI"):
        instrument(lambda: None, **GOOD)
    with pytest.raises(TypeError, match="instrumented already"):
        instrument(instrument(page, **GOOD), **GOOD)
    with pytest.raises(TypeError, match="takes text for text"):
        instrument(page, **GOOD, resource={"replica": 3})  # type: ignore[dict-item]


def test_a_watch_that_was_never_asked_costs_nothing() -> None:
    watch = Watch(lambda *_: 1 / 0, {})  # type: ignore[arg-type, return-value]
    watch.flush()
    watch.stop()
