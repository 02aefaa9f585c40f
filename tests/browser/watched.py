"""What is watched from outside, in trouble: a queue that nobody answers at, and a job that failed."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from tests.platform.installation import Up, free_port

SAVE_PROBE = "mutation ($input: SaveProbeInput!) { saveProbe(input: $input) { probe { id } } }"
SAVE_HEARTBEAT = "mutation ($input: SaveHeartbeatInput!) { saveHeartbeat(input: $input) { heartbeat { id pingUrl } } }"


PROBE, HEARTBEAT = "order queue", "nightly export"


@dataclass(frozen=True, slots=True)
class Watched:
    """The addresses of their pages."""

    probe: str
    heartbeat: str


def token_of(address: str, name: str, password: str) -> str:
    """What a person who signs in is given: only people may set something up."""
    answer = httpx.post(f"{address}/auth/login", json={"username": name, "password": password}).raise_for_status()
    return str(answer.json()["access_token"])


def watch(installation: Up, token: str) -> Watched:
    """Set both up over the API. One failure is enough for the probe, so that it is down within seconds."""
    settings = [{"name": "host", "value": "127.0.0.1"}, {"name": "port", "value": str(free_port())}]
    queue = {
        "name": PROBE, "kind": "TCP", "settings": settings,
        "interval": "PT5S", "timeout": "PT2S", "failuresBeforeDown": 1,
    }  # fmt: skip
    probe = installation.ask(token, SAVE_PROBE, input=queue)["saveProbe"]["probe"]
    beat = _heartbeat(installation, token, HEARTBEAT)
    httpx.post(f"{beat['pingUrl']}/3", content=b"no rows were found").raise_for_status()
    # Others in every state there is, so that the list has much to say of itself.
    _heartbeat(installation, token, "weekly report")
    for name, said in (("reindex", "/start"), ("sync of addresses", "")):
        httpx.post(_heartbeat(installation, token, name)["pingUrl"] + said).raise_for_status()
    return Watched(f"/monitoring/infrastructure/{probe['id']}", f"/monitoring/heartbeats/{beat['id']}")


def _heartbeat(installation: Up, token: str, name: str) -> dict[str, str]:
    saved = installation.ask(token, SAVE_HEARTBEAT, input={"name": name, "period": "P1D"})
    beat: dict[str, str] = saved["saveHeartbeat"]["heartbeat"]
    return beat
