"""What the kinds share that ask over HTTP: the fields of the question, and what an answer must be."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

from cryptography import x509

from century.core.outbound import SECRET_HEADERS, SECRET_PARAMETERS, redact
from century.probes.certificate import certificate
from century.probes.conditions import About, ConditionError, read, seconds
from century.probes.exchange import METHODS, OURS, Ask, Headers, Reply, place_of, status_words
from century.probes.kind import Config, Field, FieldType, Problem
from century.probes.measurement import LONGEST_LINE, MOST_LINES, Fact
from century.probes.seen import Seen, heavy, unmet, words

EXPECTED = "200-299"
MOST_HEADERS = 40
LONGEST_BODY = 64 * 1024
LONGEST_CA = 64 * 1024
SHOWN_HEADERS = 24
FOLLOW, REFUSE = "follow", "refuse"
# What an answer says that opens a door.
SECRET_ANSWERS = frozenset({"set-cookie", "authorization", "x-api-key", "x-auth-token"})
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

URL = Field("url", "Address", "The web address to ask.", required=True, placeholder="https://api.example.com/health")
QUESTION = (
    URL,
    Field("method", "Method", "How it is asked.", FieldType.CHOICE, default="GET", options=METHODS),
    Field("headers", "Headers", "One a line.", FieldType.LINES, placeholder="Accept: application/json", advanced=True),
    Field(
        "secretHeaders", "Secret headers", "One a line; sent to this address alone, and never shown again.",
        FieldType.SECRET, placeholder="Authorization: Bearer …", advanced=True, lines=True,
    ),
)  # fmt: skip
BODY = (
    Field("body", "Body", "What is sent along.", FieldType.LINES, advanced=True),
    Field(
        "secretBody", "Secret body", "In place of a body; sent to this address alone, and never shown again.",
        FieldType.SECRET, placeholder="client_id=…&client_secret=…", advanced=True, lines=True,
    ),
)  # fmt: skip
TRUST = (
    Field(
        "verifyTls", "Check the certificate", "Whether it must be valid, and of this name.", FieldType.FLAG,
        default="true", advanced=True,
    ),
    Field(
        "ca", "Certificate authority", "The authority that alone is trusted, in PEM form; empty: those this machine trusts.",
        FieldType.LINES, placeholder="-----BEGIN CERTIFICATE-----", advanced=True,
    ),
)  # fmt: skip
ANSWER = (
    Field(
        "expectedStatus", "Expected status", "Numbers and ranges, separated by commas.", default=EXPECTED,
        placeholder="200-299,304",
    ),
    Field(
        "conditions", "Conditions",
        "One a line: body contains|lacks TEXT · body matches RE2 · json PATH == VALUE (!= < <= > >= exists lacks) · "
        "header NAME == VALUE (!= contains exists lacks) · latency < 500ms",
        FieldType.LINES, placeholder="json $.status == ok",
    ),
    Field(
        "redirects", "Redirections", "Followed, or taken for the answer.", FieldType.CHOICE, default=FOLLOW,
        options=(FOLLOW, REFUSE), advanced=True,
    ),
)  # fmt: skip
SLOWER = Field(
    "slowerThan", "Slower than", "An answer that takes longer is a failure.", FieldType.DURATION, advanced=True
)


@lru_cache(maxsize=1024)
def statuses(text: str) -> tuple[range, ...]:
    """The statuses of "200-299,304"; ValueError with a sentence where it names none."""
    found = []
    for part in (each.strip() for each in text.split(",")):
        matched = re.fullmatch(r"([1-5][0-9]{2})(?:\s*-\s*([1-5][0-9]{2}))?", part)
        if not matched or int(matched[2] or matched[1]) < int(matched[1]):
            raise ValueError(f"“{part[:40]}” is no status: write numbers and ranges from 100 to 599, like 200-299,304")
        found.append(range(int(matched[1]), int(matched[2] or matched[1]) + 1))
    return tuple(found)


def headers(lines: Iterable[str]) -> Headers:
    """Headers from lines; ValueError with a sentence for the first that is none, which does not repeat it."""
    found = []
    for number, line in enumerate(lines, 1):
        name, colon, value = line.partition(":")
        name = name.strip()
        if not colon or not TOKEN.fullmatch(name):
            raise ValueError(f"line {number} is no header: write Name: value")
        if name.lower() in OURS:
            raise ValueError(f"line {number}: {name} is set by the probe itself")
        if not value.strip().isprintable():
            raise ValueError(f"line {number}: the value of {name} must be printable")
        found.append((name, value.strip()))
    if len(found) > MOST_HEADERS:
        raise ValueError(f"at most {MOST_HEADERS} headers")
    return tuple(found)


def question(config: Config) -> Ask:
    """What is asked; ValueError where the settings do not say."""
    return Ask(
        url=config["url"],
        method=config["method"] or "GET",
        headers=headers(config.lines("headers")),
        secret_headers=headers(config.lines("secretHeaders")),
        body=config["body"].encode(),
        secret_body=config["secretBody"].encode(),
        follow=config["redirects"] != REFUSE,
        verify=config["verifyTls"] != "false",
        ca=config["ca"].strip(),
    )


def question_problems(config: Config) -> list[Problem]:
    """What is wrong with the fields of the question."""
    found = [*url_problems("url", config["url"])]
    if not found and SECRET_PARAMETERS.search(config["url"]):
        found.append(
            Problem("url", "whoever may change probes can read the key in it; a secret header is sealed", refused=False)
        )
    if (config["method"] or "GET") not in METHODS:
        found.append(Problem("method", f"the method must be one of {', '.join(METHODS)}"))
    for name in ("headers", "secretHeaders"):
        try:
            headers(config.lines(name))
        except ValueError as error:
            found.append(Problem(name, str(error)))
    found += _telling_headers(config.lines("headers"))
    found += _body_problems(config)
    for name, them in (("secretHeaders", "them"), ("secretBody", "it")):
        if config[name].strip() and config["url"].lower().startswith("http://"):
            found.append(Problem(name, f"over http anybody on the way can read {them}: use https", refused=False))
    return [*found, *trust_problems(config)]


def _body_problems(config: Config) -> list[Problem]:
    if config["body"] and config["secretBody"]:
        return [Problem("secretBody", "only one body can be sent: leave either Body or Secret body empty")]
    return [
        Problem(name, f"the body must not be longer than {LONGEST_BODY // 1024} KiB")
        for name in ("body", "secretBody")
        if len(config[name]) > LONGEST_BODY
    ]


def _telling_headers(lines: Iterable[str]) -> list[Problem]:
    for number, line in enumerate(lines, 1):
        name = line.partition(":")[0].strip()
        if name.lower() in SECRET_HEADERS:
            return [
                Problem(
                    "headers", f"line {number}: everybody who looks can read {name} here: give it as a secret header"
                )
            ]
    return []


def url_problems(name: str, url: str) -> list[Problem]:
    """What is wrong with an address."""
    try:
        place_of(url)
    except ValueError as error:
        return [Problem(name, str(error) if url else "give the address to ask, like https://api.example.com/health")]
    return []


def trust_problems(config: Config) -> list[Problem]:
    """What is wrong with the fields that say whom to trust."""
    found = []
    if config["verifyTls"] == "false":
        found.append(
            Problem("verifyTls", "the certificate is not checked: anybody may answer in its name", refused=False)
        )
    if ca := config["ca"].strip():
        try:
            if len(ca) > LONGEST_CA:
                raise ValueError
            x509.load_pem_x509_certificates(ca.encode())
        except ValueError:
            found.append(Problem("ca", "must hold certificates in PEM form, from -----BEGIN CERTIFICATE----- on"))
    return found


def answer_problems(config: Config) -> list[Problem]:
    """What is wrong with the fields of the answer."""
    found = []
    try:
        statuses(config["expectedStatus"] or EXPECTED)
    except ValueError as error:
        found.append(Problem("expectedStatus", str(error)))
    try:
        asked = read(config["conditions"])
        if config["method"] == "HEAD" and any(each.about in (About.BODY, About.JSON) for each in asked):
            found.append(Problem("conditions", "the answer to HEAD has no body: ask with GET"))
    except ConditionError as error:
        found.append(Problem("conditions", str(error)))
    if config["redirects"] not in ("", FOLLOW, REFUSE):
        found.append(Problem("redirects", "redirections are either followed (follow) or taken for the answer (refuse)"))
    slower = config["slowerThan"].strip()
    if slower and not seconds(slower):
        found.append(Problem("slowerThan", "must be a time above zero, like 500ms, 2s or PT2S"))
    return found


async def wrong(config: Config, reply: Reply) -> str | None:
    """Why an answer is not what is expected, in a sentence; None if it is."""
    expected = config["expectedStatus"].strip() or EXPECTED
    if not any(reply.status in each for each in statuses(expected)):
        return f"answers {reply.words}, not {expected}"
    if conditions := read(config["conditions"]):
        seen = Seen(reply.headers, reply.body, reply.latency, reply.truncated)
        told = await asyncio.to_thread(unmet, conditions, seen) if heavy(conditions, seen) else unmet(conditions, seen)
        if told:
            return f"answers {reply.words}, but {told}"
    limit = seconds(config["slowerThan"])
    if limit and reply.latency > limit:
        return f"answers {reply.words} in {words(reply.latency)}, slower than {words(limit)}"
    return None


def right(reply: Reply) -> str:
    """What is said of an answer as it should be."""
    return f"{reply.words} in {words(reply.latency)}"


def facts(prefix: str, reply: Reply) -> list[Fact]:
    """The status, and the time."""
    return [Fact(f"{prefix}.status", float(reply.status)), Fact(f"{prefix}.latency", reply.latency)]


def days_left(der: bytes | None, now: datetime) -> float | None:
    """The days until a certificate (DER) expires."""
    found = certificate(der) if der else None
    return found.days_left(now) if found else None


def lines(reply: Reply) -> tuple[str, ...]:
    """What the answer said: its status, its headers without secrets, and the beginning of its body."""
    told = [status_words(reply.status, reply.reason)]
    for name, value in reply.headers[:SHOWN_HEADERS]:
        shown = "…" if name in SECRET_ANSWERS else redact(value) if name in ("location", "content-location") else value
        told.append(_printable(f"{name}: {shown}"))
    if reply.body:
        told.append("")
        if b"\0" in reply.body[:1024]:
            told.append(f"({len(reply.body)} bytes that are no text)")
        else:
            text = reply.body[: LONGEST_LINE * MOST_LINES].decode("utf-8", "replace")
            told += [_printable(each) for each in text.splitlines()[: MOST_LINES - len(told)]]
    return tuple(told[:MOST_LINES])


def _printable(line: str) -> str:
    line = line[: LONGEST_LINE + 1]
    line = line if line.isprintable() else "".join(each if each.isprintable() else " " for each in line)
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…"
