"""While telemetry pours in, the server, the worker, PostgreSQL and Valkey are killed in turn, again and again.

Every batch that was acknowledged is there, once, whatever was sent twice; and what was killed comes back.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest

from century.telemetry import block
from tests.platform.installation import Up, century, until, up
from tests.telemetry.messages import Metrics

ROUNDS = int(os.environ.get("KILL_ROUNDS", "2"))
SENDERS = 3
POINTS = 20
BACK_WITHIN = 15.0
VICTIMS = ("century.supervised server", "century.supervised worker", "postgres", "valkey-server")


@dataclass
class Sender:
    """One exporter: it repeats a batch until it is acknowledged, then sends the next."""

    number: int
    port: int
    key: str
    done: threading.Event
    acknowledged: list[int] = field(default_factory=list)
    repeats: int = 0
    wrong: list[str] = field(default_factory=list)

    def run(self) -> None:
        batch = 0
        while not self.done.is_set():
            # A point's value says which batch it was in.
            body = bytes(Metrics(f"exporter-{self.number}").gauge("poured", *[float(batch)] * POINTS))
            while not self.send(body) and not self.done.is_set():
                self.repeats += 1
                time.sleep(0.02)
            if not self.done.is_set():
                self.acknowledged.append(batch)
            batch += 1

    def send(self, body: bytes) -> bool:
        """Whether it was acknowledged."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        try:
            headers = {"content-type": "application/x-protobuf", "authorization": f"Bearer {self.key}"}
            connection.request("POST", "/v1/metrics", body, headers)
            answer = connection.getresponse()
            said = answer.read()
            if answer.status != 200 and not (answer.status == 503 and int(answer.headers["Retry-After"]) >= 1):
                self.wrong.append(f"{answer.status} {said!r}")
            return answer.status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Up]:
    with up(tmp_path / "installation") as running:
        yield running


def new_key(installation: Up) -> str:
    made = century("keys", "create", "exporter", "--scope", "ingest", "--data-dir", str(installation.data_dir))
    found = re.search(r"cpt_monitor_\S+", made.stdout)
    assert found, made.stdout + made.stderr
    return found[0]


def test_every_acknowledged_batch_is_there_whatever_is_killed(installation: Up) -> None:
    key, done = new_key(installation), threading.Event()
    senders = [Sender(number, installation.port, key, done) for number in range(SENDERS)]
    threads = [threading.Thread(target=sender.run, daemon=True) for sender in senders]
    for thread in threads:
        thread.start()
    try:
        for _ in range(ROUNDS):
            for victim in VICTIMS:
                kill_and_wait(installation, victim, senders)
    finally:
        done.set()
    for thread in threads:
        thread.join(30)
    stored = asyncio.run(read(installation.url("database_url")))
    for sender in senders:
        assert not sender.wrong, f"the protocol's answer is 503 with Retry-After, not {sender.wrong[:3]}"
        values = stored.get(f"exporter-{sender.number}", {})
        missing = [batch for batch in sender.acknowledged if batch not in values]
        assert not missing, f"{len(missing)} of {len(sender.acknowledged)} acknowledged batches are lost: {missing[:5]}"
        assert all(count == POINTS for count in values.values()), "something half stored, or twice"
    assert sum(sender.repeats for sender in senders) > 0, "no kill was ever felt"
    assert sum(len(sender.acknowledged) for sender in senders) > 100


def kill_and_wait(installation: Up, victim: str, senders: list[Sender]) -> None:
    """Kill a process where it stands; every exporter must get through again, and the process be back."""
    before = [len(sender.acknowledged) for sender in senders]
    until(lambda: all(len(each.acknowledged) > old for each, old in zip(senders, before, strict=True)), "telemetry")
    process = installation.find(victim)
    process.send_signal(signal.SIGKILL)
    until(lambda: not process.is_running() or process.status() == "zombie", f"the death of {victim}")
    before = [len(sender.acknowledged) for sender in senders]
    until(
        lambda: all(len(each.acknowledged) > old + 1 for each, old in zip(senders, before, strict=True)),
        f"telemetry after {victim} was killed",
        BACK_WITHIN,
    )
    until(installation.ready, f"readiness after {victim} was killed", BACK_WITHIN)


async def read(url: str) -> dict[str, dict[int, int]]:
    """For each service how many points of each batch there are."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    rows = await connection.fetch("SELECT name, columns FROM block JOIN service ON service.id = service_id")
    await connection.close()
    stored: dict[str, dict[int, int]] = {}
    for row in rows:
        counts = stored.setdefault(row["name"], {})
        for value in block.decode(row["columns"]).numbers.value.tolist():
            counts[int(value)] = counts.get(int(value), 0) + 1
    return stored
