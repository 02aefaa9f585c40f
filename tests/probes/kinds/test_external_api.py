"""An API of somebody else's: its quota, the share of its failures, and its fallback."""

from __future__ import annotations

import asyncio

import pytest

from century.probes.kind import Config
from century.probes.kinds import external_api
from century.probes.measurement import Measurement, Trouble
from tests.probes.servers import aim, answer, answering, listening, values, wire_to

LIMITS = ("X-RateLimit-Limit: 100", "X-RateLimit-Remaining: 25", "X-RateLimit-Reset: 30")


async def check(*answers: bytes, memory: dict[str, object] | None = None, **settings: str) -> Measurement:
    async with listening(answering(*answers)) as server:
        return await external_api.check(aim({"url": server.url, **settings}, memory=memory), wire_to())


async def test_an_answer_with_its_quota() -> None:
    measured = await check(answer(b"{}", "200 OK", *LIMITS))
    assert measured.ok
    assert measured.message.endswith("; 25 of 100 left")
    told = values(measured)
    assert {name: told[name] for name in told if name != "api.latency"} == {
        "api.status": 200, "api.quota_left": 25, "api.quota_limit": 100, "api.quota_left_share": 0.25, "api.quota_resets_in": 30,
        "api.failure_share": 0,
    }  # fmt: skip
    assert {fact.name for fact in measured.facts} <= {fact.name for fact in external_api.FACTS}


async def test_several_quotas_have_parts_and_the_scarcest_is_told() -> None:
    measured = await check(
        answer(
            b"",
            "200 OK",
            'RateLimit: "burst";r=9;t=1, "day";r=10;t=60',
            'RateLimit-Policy: "burst";q=10;w=1, "day";q=1000;w=86400',
        )
    )
    told = values(measured)
    assert (told["api.quota_left burst"], told["api.quota_left day"], told["api.quota_left_share day"]) == (9, 10, 0.01)
    assert measured.message.endswith("; 10 of 1 000 of day left")


async def test_asked_too_often_is_no_failure_but_an_empty_quota() -> None:
    measured = await check(answer(b"", "429 Too Many Requests", "Retry-After: 90"))
    assert measured.ok
    assert measured.message.startswith("429 Too Many Requests in ")
    assert measured.message.endswith("; the quota is used up, for another 90 s")
    told = values(measured)
    assert (told["api.quota_left"], told["api.quota_resets_in"], told["api.failure_share"], told["api.status"]) == (
        0,
        90,
        0,
        429,
    )


async def test_whoever_was_asked_too_often_and_answers_again_has_its_quota_back() -> None:
    refused = await check(answer(b"", "429 Too Many Requests"))
    assert values(refused)["api.quota_left_share"] == 0
    again = await check(answer(), memory=dict(refused.memory))
    assert values(again)["api.quota_left_share"] == 1
    assert "api.quota_left" not in values(again)
    told = await check(answer(b"", "200 OK", *LIMITS), memory=dict(again.memory))
    assert values(told)["api.quota_left_share"] == 0.25
    other = await check(
        answer(b"", "200 OK", "X-RateLimit-Limit-Day: 10", "X-RateLimit-Remaining-Day: 5"), memory=dict(told.memory)
    )
    assert (values(other)["api.quota_left_share"], values(other)["api.quota_left_share day"]) == (1, 0.5)
    assert "api.quota_left_share" not in values(await check(answer()))


async def test_the_share_of_failures_is_of_the_last_checks() -> None:
    memory: dict[str, object] = {}
    shares = []
    async with listening(answering(*([answer(b"", "503 Service Unavailable")] * 3), *([answer()] * 9))) as server:
        for _ in range(6):
            asked = aim({"url": server.url, "failureWindow": "4"}, memory=memory)
            measured = await external_api.check(asked, wire_to())
            memory = dict(measured.memory)
            shares.append(values(measured)["api.failure_share"])
    assert shares == [1, 1, 1, 0.75, 0.5, 0.25]
    assert memory == {"checks": "0111"}


@pytest.mark.parametrize("memory", [{"checks": 5}, {"checks": None}, {"other": "x"}, {}])
async def test_a_memory_that_is_none_is_begun_again(memory: dict[str, object]) -> None:
    assert values(await check(answer(), memory=memory))["api.failure_share"] == 0


async def test_a_failure_without_an_answer_counts() -> None:
    async with listening(answering(answer())) as server:
        pass
    measured = await external_api.check(aim({"url": server.url}, memory={"checks": "111"}), wire_to())
    assert measured.trouble is Trouble.NETWORK
    assert measured.memory == {"checks": "1110"}
    assert values(measured) == {"api.failure_share": 0.25}


FALLBACKS = [
    ("both are well", "200 OK", "200 OK", True, 1, ""),
    ("it is away, the fallback is not", "503 Service Unavailable", "200 OK", False, 1, "answers 503 Service Unavailable, not 200-299; its fallback answers"),
    ("the fallback is away", "200 OK", "500 Internal Server Error", True, 0, "; its fallback fails: it answers 500 Internal Server Error, not 200-299"),
    ("both are away", "503 Service Unavailable", "404 Not Found", False, 0,
     "answers 503 Service Unavailable, not 200-299; its fallback fails, too: it answers 404 Not Found, not 200-299"),
    ("the fallback is asked too often", "200 OK", "429 Too Many Requests", True, 1, ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "ok", "up", "said"), [row[1:] for row in FALLBACKS], ids=[row[0] for row in FALLBACKS]
)
async def test_the_fallback(first: str, second: str, ok: bool, up: float, said: str) -> None:
    async with listening(answering(answer(b"", second))) as spare:
        measured = await check(answer(b"", first), fallbackUrl=spare.url)
    assert measured.ok is ok
    assert values(measured)["api.fallback_up"] == up
    assert measured.message.endswith(said)
    assert ("fallback" in measured.message) is ("fallback" in said)


async def test_both_are_asked_at_once() -> None:
    async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    loop = asyncio.get_running_loop()
    async with listening(hangs) as first, listening(hangs) as second:
        began = loop.time()
        measured = await external_api.check(aim({"url": first.url, "fallbackUrl": second.url}, 0.8), wire_to())
        assert loop.time() - began < 1.5
    assert measured.trouble is Trouble.TIMEOUT
    assert values(measured)["api.fallback_up"] == 0


async def test_secrets_do_not_go_to_the_fallback() -> None:
    heads: list[bytes] = []
    async with listening(answering(answer(), heads=heads)) as spare:
        await check(
            answer(), fallbackUrl=spare.url, secretHeaders="X-Key: hidden", headers="Authorization: Basic eA==\nX-Open: yes"
        )  # fmt: skip
    assert b"hidden" not in heads[0]
    assert b"Basic" not in heads[0]
    assert b"X-Open: yes" in heads[0]


async def test_a_secret_body_does_not_go_to_the_fallback() -> None:
    heads: list[bytes] = []
    async with listening(answering(answer(), heads=heads)) as spare:
        await check(answer(), method="POST", fallbackUrl=spare.url, secretBody="client_secret=hidden")
    assert b"Content-Length: 0" in heads[0]


async def test_secrets_go_to_a_fallback_at_the_same_place() -> None:
    heads: list[bytes] = []
    async with listening(answering(answer(), heads=heads)) as server:
        asked = aim({"url": server.url, "fallbackUrl": server.url + "other", "secretHeaders": "X-Key: hidden"})
        await external_api.check(asked, wire_to())
    assert [b"hidden" in head for head in heads] == [True, True]


URL = "https://api.example.com/"
PROBLEMS = [
    ({"url": URL, "fallbackUrl": "api2.example.com"}, "fallbackUrl", "a URL must begin with http:// or https://"),
    ({"url": URL, "fallbackUrl": URL}, "fallbackUrl", "the fallback must be another address than the first"),
    ({"url": URL, "failureWindow": "0"}, "failureWindow", "must be a whole number from 1 to 200"),
    ({"url": URL, "failureWindow": "many"}, "failureWindow", "must be a whole number from 1 to 200"),
    ({"url": URL, "quotaHeaders": "X Quota:"}, "quotaHeaders", "must be auto, none or the beginning of a header's name, like X-Acme-Quota"),
    ({"url": URL, "expectedStatus": "x"}, "expectedStatus", "“x” is no status: write numbers and ranges from 100 to 599, like 200-299,304"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "field", "message"), PROBLEMS)
def test_what_the_form_refuses(settings: dict[str, str], field: str, message: str) -> None:
    assert [(each.field, each.message) for each in external_api.problems(Config(settings))] == [(field, message)]


def test_what_the_form_proposes_is_taken() -> None:
    proposed = {field.name: field.default for field in external_api.FIELDS if field.default is not None}
    assert external_api.problems(Config({**proposed, "url": URL})) == []
    assert len({field.name for field in external_api.FIELDS}) == len(external_api.FIELDS)
