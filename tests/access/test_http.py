"""Signing in over HTTP: cookies that no script reads, origins that may not act, and sentences for bad input."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from century.access import people
from century.access.people import invite
from century.core.settings import Settings
from tests.access.conftest import PASSWORD, House, Site, serving

CREDENTIALS = {"username": "operator", "password": PASSWORD}
ME = "{ me { name role } }"


def attributes(header: str) -> dict[str, str]:
    parts = [part.strip().partition("=") for part in header.split(";")]
    return {name.lower(): value for name, _, value in parts[1:]} | {"name": parts[0][0], "value": parts[0][2]}


def cookies(response: Any) -> dict[str, dict[str, str]]:
    return {parsed["name"]: parsed for parsed in map(attributes, response.headers.get_list("set-cookie"))}


async def test_the_guides_sign_in(site: Site) -> None:
    response = await site.http.post("/auth/login", json=CREDENTIALS)
    assert response.status_code == 200
    answer = response.json()
    token = answer.pop("access_token")
    assert answer == {"token_type": "bearer", "expires_in": 600, "role": "operator"}
    assert response.headers["cache-control"] == "no-store"
    cookie = cookies(response)["century_refresh_8000"]
    assert cookie.keys() >= {"httponly"}
    assert "secure" not in cookie
    assert (cookie["samesite"], cookie["path"]) == ("strict", "/")
    assert token not in cookie["value"]
    assert await site.data(f"Bearer {token}", ME) == {"me": {"name": "operator", "role": "OPERATOR"}}


async def test_over_https_the_cookies_are_bound_to_the_host(settings: Settings, house: House) -> None:
    async with serving(replace(settings, public_url="https://monitoring.example.com"), house) as site:
        response = await site.http.post(
            "/auth/login", json=CREDENTIALS, headers={"Origin": "https://monitoring.example.com"}
        )
        for name in ("__Host-century_refresh", "__Host-century_device"):
            cookie = cookies(response)[name]
            assert cookie.keys() >= {"httponly", "secure"}
            assert "domain" not in cookie
            assert (cookie["samesite"], cookie["path"]) == ("strict", "/")


async def test_a_session_is_refreshed_and_ended_by_its_cookie(site: Site) -> None:
    first = await site.http.post("/auth/login", json=CREDENTIALS)
    second = await site.http.post("/auth/refresh", json={})
    assert second.status_code == 200
    assert second.json()["role"] == "operator"
    name = "century_refresh_8000"
    assert cookies(first)[name]["value"] != cookies(second)[name]["value"]
    # The browser stays the same device.
    assert cookies(first)["century_device_8000"]["value"] == cookies(second)["century_device_8000"]["value"]
    ended = await site.http.post("/auth/logout")
    assert ended.status_code == 204
    assert (cookies(ended)[name]["value"].strip('"'), cookies(ended)[name]["max-age"]) == ("", "0")
    assert (await site.http.post("/auth/refresh", json={})).status_code == 401
    assert (await site.http.post("/auth/logout")).status_code == 204
    bearer = f"Bearer {second.json()['access_token']}"
    assert (await site.http.post("/graphql", json={"query": ME}, headers={"Authorization": bearer})).status_code == 401


async def test_without_a_cookie_there_is_nothing_to_refresh(site: Site) -> None:
    response = await site.http.post("/auth/refresh", json={})
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"] == "the session is over: sign in again"


ORIGINS = [
    ({}, 200),
    ({"Origin": "http://127.0.0.1:8000"}, 200),
    ({"Origin": "ours"}, 200),
    ({"Sec-Fetch-Site": "same-origin"}, 200),
    ({"Sec-Fetch-Site": "same-origin", "Origin": "https://behind.a.proxy.example"}, 200),
    ({"Sec-Fetch-Site": "none"}, 200),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8000"}, 403),
    ({"Origin": "https://evil.example"}, 403),
    ({"Origin": "http://127.0.0.1:9"}, 403),
    ({"Origin": "http://127.0.0.1.evil.example:8000"}, 403),
    ({"Origin": "https://127.0.0.1:8000"}, 403),
    ({"Origin": "null"}, 403),
    ({"Origin": "http://["}, 403),
    ({"Origin": ""}, 403),
    ({"Origin": "http://127.0.0.1:99999"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "same-site"}, 403),
]


async def test_another_sites_page_may_not_act(site: Site) -> None:
    await site.http.post("/auth/login", json=CREDENTIALS)
    for headers, status in ORIGINS:
        sent = {"Origin": f"http://{site.address}"} if headers.get("Origin") == "ours" else headers
        before = dict(site.http.cookies)
        signed_in = await site.http.post("/auth/login", json=CREDENTIALS, headers=sent)
        assert signed_in.status_code == status, sent
        if status == 403:
            for path in ("/auth/refresh", "/auth/logout", "/auth/link"):
                assert (await site.http.post(path, json={"token": "x"}, headers=sent)).status_code == 403, sent
            assert dict(site.http.cookies) == before
    assert (await site.http.post("/auth/refresh", json={})).status_code == 200


BAD = [
    (b"", "application/json", 400),
    (b"{", "application/json", 400),
    (b"[]", "application/json", 400),
    (b"null", "application/json", 400),
    (b'"operator"', "application/json", 400),
    (b'{"username": "operator"}', "application/json", 400),
    (b'{"username": null, "password": null}', "application/json", 400),
    (b'{"username": ["operator"], "password": {"$ne": 1}}', "application/json", 400),
    (b'{"username": "op\xff", "password": "x"}', "application/json", 400),
    (b"[" * 10_000, "application/json", 400),
    (b'{"username": "operator", "password": "x"}', "text/plain", 400),
    (b"username=operator&password=x", "application/x-www-form-urlencoded", 400),
    (b'{"username": "operator", "password": "x"}', "", 400),
    (b'{"username": "\\u0000", "password": "\\u0000"}', "application/json", 401),
    (b'{"username": "\\ud800", "password": "\\udfff"}', "application/json", (400, 401)),
    (b'{"username": "", "password": ""}', "application/json", 401),
    (b'{"username": "operator", "password": "' + b"x" * 20_000 + b'"}', "application/json", 413),
    (b'{"username": "operator", "password": "' + b"x" * 15_000 + b'"}', "application/json", 401),
    (b'{"username": "x", "password": "x", "role": "admin"}', "application/json", 401),
]


async def test_bad_input_is_told_in_a_sentence(site: Site) -> None:
    for content, kind, status in BAD:
        headers = {"Content-Type": kind} if kind else {}
        response = await site.http.post("/auth/login", content=content, headers=headers)
        assert response.status_code in (status if isinstance(status, tuple) else (status,)), content[:80]
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["detail"]
        assert "set-cookie" not in response.headers


async def test_guessing_is_told_when_to_come_back(site: Site) -> None:
    wrong = {"username": "operator", "password": "a wrong guess"}
    statuses = [(await site.http.post("/auth/login", json=wrong)).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    refused = await site.http.post("/auth/login", json=CREDENTIALS)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    site.house.world.advance(seconds=int(refused.headers["retry-after"]))
    assert (await site.http.post("/auth/login", json=CREDENTIALS)).status_code == 200


async def test_a_device_is_known_by_what_we_signed(site: Site) -> None:
    name = "century_device_8000"
    signed = cookies(await site.http.post("/auth/login", json=CREDENTIALS))[name]["value"]
    for forged in ("", "x", "a" * 32, signed[:-1], signed + "0", signed.replace(".", ""), "." + signed, "é"):
        site.http.cookies.clear()
        headers = {"Cookie": f"{name}={forged}".encode()}
        other = cookies(await site.http.post("/auth/login", json=CREDENTIALS, headers=headers))[name]["value"]
        assert other not in (signed, forged)
    site.http.cookies.clear()
    again = await site.http.post("/auth/login", json=CREDENTIALS, headers={"Cookie": f"{name}={signed}"})
    assert cookies(again)[name]["value"] == signed


async def test_only_a_post_uses_a_sign_in_link_up(site: Site) -> None:
    async with site.house.world.works.begin() as work:
        made = await invite(work, site.house.world.settings, site.house.viewer.id)
    page, token = made.sign_in_url.split("#token=")
    assert page == "http://127.0.0.1:8000/sign-in"
    # A mail scanner looks at everything it can.
    await site.http.get("/sign-in")
    assert (await site.http.get("/auth/link", params={"token": token})).status_code in (404, 405)
    assert (await site.http.head("/auth/link", params={"token": token})).status_code in (404, 405)
    response = await site.http.post("/auth/link", json={"token": token})
    assert (response.status_code, response.json()["role"]) == (200, "viewer")
    change = "mutation($new: String!) { changePassword(input: {new: $new}) { ok } }"
    bearer = f"Bearer {response.json()['access_token']}"
    site.house.world.advance(seconds=1)
    again = await site.http.post("/auth/link", json={"token": token})
    assert (again.status_code, "used already" in again.json()["detail"]) == (401, True)
    assert (await site.http.post("/auth/link", json={"token": "x" * 43})).status_code == 401
    assert (await site.ask(bearer, change, new="a lantern under seven bridges"))["errors"][0]["extensions"]["fields"]


async def test_the_first_admin_signs_in_by_the_printed_link_and_chooses_a_password(
    settings: Settings, house: House
) -> None:
    async with house.world.works.begin() as work:
        new = await people.create_person(work, settings, "ada", "ada@example.com", house.admin.role)
    assert new.sign_in_url
    async with serving(settings, house) as site:
        response = await site.http.post("/auth/link", json={"token": new.sign_in_url.partition("#token=")[2]})
        bearer = f"Bearer {response.json()['access_token']}"
        change = "mutation($new: String!) { changePassword(input: {new: $new}) { ok } }"
        assert await site.data(bearer, change, new="a lantern under seven bridges") == {"changePassword": {"ok": True}}
        ada = {"username": "ada", "password": "a lantern under seven bridges"}
        assert (await site.http.post("/auth/login", json=ada)).json()["role"] == "admin"
