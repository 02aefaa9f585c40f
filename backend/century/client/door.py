"""Where encoded telemetry is handed over: Century's OTLP addresses over HTTP, or any other `Deliver`."""

from __future__ import annotations

import logging
import re
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, Request, build_opener

log = logging.getLogger("century.client")

KEY = re.compile(r"cpt_monitor_[\x21-\x7e]{8,256}")


class Verdict(StrEnum):
    """What became of a batch."""

    TAKEN = "taken"
    AGAIN = "again"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A verdict, and the sentence that explains any but TAKEN."""

    verdict: Verdict
    reason: str = ""


Deliver = Callable[[str, bytes, float], Outcome]
"""(path, gzip-compressed OTLP protobuf, seconds it may take) -> what became of it; never raises."""

TAKEN = Outcome(Verdict.TAKEN)


def checked_endpoint(endpoint: str) -> str:
    """Century's address without a trailing slash; ValueError with a sentence if it is none."""
    parts = urlsplit(endpoint) if isinstance(endpoint, str) else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"endpoint is {endpoint!r}: give Century's address, such as https://century.example.org")
    if parts.username or parts.password:
        raise ValueError("endpoint carries a user or password: the key alone says who sends")
    if parts.query or parts.fragment or parts.path.rstrip("/").endswith(("/v1/metrics", "/v1/traces")):
        raise ValueError("endpoint is Century's address alone: /v1/metrics and /v1/traces are added to it")
    return endpoint.rstrip("/")


def checked_key(key: str) -> str:
    """The key itself; ValueError with a sentence (which never repeats it) if it is none of Century's."""
    if not isinstance(key, str) or not key:
        raise ValueError("key is empty: `century keys create NAME --scope ingest` makes one")
    if not KEY.fullmatch(key):
        raise ValueError("key is not one of Century's, which begin with cpt_monitor_ and hold no spaces")
    return key


class _Stay(HTTPRedirectHandler):
    """No redirects: following one would turn the POST into a GET and count telemetry as taken."""

    def redirect_request(self, *_: object) -> None:
        return None


class HttpDoor:
    """Century over HTTP. Says once that it is away, and once that it is back."""

    def __init__(self, endpoint: str, key: str) -> None:
        self.endpoint = endpoint
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "gzip",
            "User-Agent": "century-client",
        }
        self._opener: OpenerDirector | None = None
        self._said: str | None = None

    def __call__(self, path: str, body: bytes, seconds: float) -> Outcome:
        """Post one batch; what went wrong is in the outcome."""
        outcome = self._post(path, body, seconds)
        self._say(outcome)
        return outcome

    def _post(self, path: str, body: bytes, seconds: float) -> Outcome:
        if self._opener is None:
            self._opener = build_opener(_Stay, HTTPSHandler(context=ssl.create_default_context()))
        request = Request(self.endpoint + path, data=body, headers=self._headers, method="POST")
        try:
            with self._opener.open(request, timeout=seconds) as answer:
                return _read(answer.read(1 << 20), path)
        except HTTPError as error:
            with error:
                return _judge(error, path)
        except URLError as error:
            return Outcome(Verdict.AGAIN, f"does not answer ({error.reason})")
        except (OSError, HTTPException) as error:
            return Outcome(Verdict.AGAIN, f"does not answer ({error or type(error).__name__})")

    def _say(self, outcome: Outcome) -> None:
        if outcome.reason == (self._said or ""):
            return
        if not outcome.reason:
            log.info("Century at %s takes telemetry again", self.endpoint)
        elif outcome.verdict is Verdict.AGAIN:
            log.warning("Century at %s %s; the newest telemetry is kept until it does", self.endpoint, outcome.reason)
        else:
            log.warning("Century at %s %s", self.endpoint, outcome.reason)
        self._said = outcome.reason or None


def _judge(error: HTTPError, path: str) -> Outcome:
    match error.code:
        case 401 | 403:
            return Outcome(Verdict.AGAIN, f"refuses the key ({error.code}): it needs the scope ingest, unrevoked")
        case 429 | 502 | 503 | 504:
            return Outcome(Verdict.AGAIN, f"asks to wait ({error.code})")
        case 300 | 301 | 302 | 303 | 307 | 308:
            place = error.headers.get("Location", "another address")
            return Outcome(Verdict.AGAIN, f"has moved to {place[:200]}: set endpoint to it")
        case 404 | 405:
            return Outcome(Verdict.AGAIN, f"has no {path} ({error.code}): is endpoint Century's address?")
        case _:
            return Outcome(Verdict.REFUSED, f"refused a batch ({error.code} {error.reason})")


def _read(answer: bytes, path: str) -> Outcome:
    """A partial success is a taken batch with a sentence."""
    if not answer:
        return TAKEN
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    message = ExportTraceServiceResponse() if path.endswith("traces") else ExportMetricsServiceResponse()
    try:
        message.ParseFromString(answer)
    except DecodeError:
        return TAKEN
    said = message.partial_success.error_message
    return Outcome(Verdict.TAKEN, f"took a batch in part: {said[:500]}") if said else TAKEN


def until(deadline: float, longest: float) -> float:
    """Seconds that one attempt may take: at most `longest`, never past the deadline (of `time.monotonic`)."""
    return max(0.0, min(longest, deadline - time.monotonic()))
