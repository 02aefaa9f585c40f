"""What is wrong with a probe before anybody relies on it: a sentence a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from century.probes.kind import ProbeKind
from century.probes.probe import Patience
from century.probes.problems import Draft, Known, config_of, place_of, problems, values_of

TCP = Draft("shop", ProbeKind.TCP, {"host": "shop.example", "port": "80"})
HTTP = Draft("shop", ProbeKind.HTTP, {"url": "https://shop.example/health"})
ONE, TWO, THREE, FOUR, FIVE, SIX, SEVEN = (UUID(int=number) for number in range(1, 8))
CHAIN: Mapping[UUID, UUID | None] = {ONE: None, TWO: ONE, THREE: TWO, FOUR: THREE, FIVE: FOUR, SIX: FIVE}


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def refused(draft: Draft, known: Known | None = None) -> dict[str, str]:
    return {each.field: each.message for each in problems(draft, known or Known()) if each.refused}


@pytest.mark.parametrize("draft", [TCP, HTTP])
def test_what_is_right_is_taken(draft: Draft) -> None:
    assert refused(draft) == {}


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"name": ""}, "name", "a probe's name has 1 to 100 printable characters"),
        ({"name": "a\nb"}, "name", "a probe's name has 1 to 100 printable characters"),
        ({"service": "s" * 256}, "service", "a service's name has 1 to 255 printable characters, or is left out"),
        ({"labels": {str(n): "" for n in range(11)}}, "labels", "there may be 10 labels at most, and there are 11"),
        ({"labels": {"": "x"}}, "labels", "a label has a name of 1 to 100 and a value of up to 255 printable characters"),
        ({"interval": seconds(1)}, "interval", "the interval must lie between 5 s and 1 d"),
        ({"interval": timedelta(days=2)}, "interval", "the interval must lie between 5 s and 1 d"),
        (
            {"interval": seconds(5), "timeout": seconds(10)}, "interval",
            "the interval (5 s) must be longer than the timeout (10 s)",
        ),
        ({"timeout": seconds(0.1)}, "timeout", "the timeout must lie between 0.5 s and 1 min"),
        ({"retry": seconds(0.5)}, "retryInterval", "the interval in doubt must lie between 1 s and the interval (30 s)"),
        ({"patience": Patience(failures=0)}, "failuresBeforeDown", "it must lie between 1 and 10"),
        ({"patience": Patience(successes=11)}, "successesBeforeUp", "it must lie between 1 and 10"),
        ({"settings": {"host": "x", "port": "80", "hots": "y"}}, "settings.hots", "a probe of kind tcp has no 'hots'"),
        ({"settings": {"host": "", "port": "80"}}, "settings.host", "is missing"),
        ({"settings": {"host": "a\nb", "port": "80"}}, "settings.host", "must be one line"),
        ({"settings": {"host": "x", "port": "80", "own": "true"}}, "settings.own", "only the installation itself"),
        ({"parent_id": SIX}, "parent", "there is no such probe"),
    ],
)  # fmt: skip
def test_each_complaint_names_its_field_and_says_what_would_be_right(
    changes: dict[str, Any], field: str, sentence: str
) -> None:
    assert sentence in refused(replace(TCP, **changes)).get(field, "")


@pytest.mark.parametrize(
    ("probe", "parent", "sentence"),
    [
        (ONE, ONE, "a probe cannot depend on itself"),
        (ONE, THREE, "it depends on this probe itself"),
        (SEVEN, SIX, "probes may depend on each other 5 deep at most"),
        (ONE, SEVEN, "probes may depend on each other 5 deep at most"),
        (SEVEN, FIVE, None),
        (FIVE, TWO, None),
    ],
)
def test_parents_come_first_and_end(probe: UUID, parent: UUID, sentence: str | None) -> None:
    found = refused(replace(TCP, id=probe, parent_id=parent), Known({**CHAIN, SEVEN: None})).get("parent")
    assert found == sentence or (found is not None and sentence is not None and sentence in found)


def test_a_machine_is_watched_by_its_own_worker() -> None:
    assert "name the machine" in refused(Draft("host", ProbeKind.HOST, {}))["runsOn"]
    assert refused(Draft("host", ProbeKind.HOST, {}, runs_on="here")) == {}


def test_a_password_in_an_address_goes_where_it_is_sealed() -> None:
    draft = Draft("db", ProbeKind.POSTGRES, {"url": "postgresql://app:p%40ss@db.example/shop"})
    values = values_of(draft, {})
    assert values == {"url": "postgresql://app@db.example/shop", "password": "p@ss"}
    assert "password" in config_of(draft.kind, values).secret_names


def test_what_is_left_out_is_kept_and_what_is_empty_is_cleared() -> None:
    stored = {"host": "shop.example", "port": "80", "send": "PING"}
    assert values_of(replace(TCP, settings={"port": "81", "send": ""}), stored) == {
        "host": "shop.example",
        "port": "81",
    }


@pytest.mark.parametrize(
    ("settings", "asks_again"),
    [
        ({"url": "redis://cache.example:6379/0"}, False),
        ({"url": "redis://other.example:6379/0"}, True),
        ({"url": "redis://other.example:6379/0", "password": "new"}, False),
        ({"url": "redis://other.example:6379/0", "password": ""}, False),
    ],
)
def test_a_secret_that_was_entered_for_one_target_is_not_handed_to_another(
    settings: dict[str, str | None], asks_again: bool
) -> None:
    known = Known({ONE: None}, {"url": "redis://cache.example:6379/0", "password": "old"})
    found = refused(Draft("cache", ProbeKind.REDIS, settings, id=ONE), known)
    assert ("the address leads to another host" in found.get("settings.password", "")) is asks_again


@pytest.mark.parametrize(
    ("kind", "secret", "before", "after"),
    [
        (ProbeKind.HTTP, "secretHeaders", "https://shop.example/", "https://evil.example?@shop.example/"),
        (ProbeKind.HTTP, "secretHeaders", "https://shop.example/", "https://evil.example/?@shop.example/"),
        (ProbeKind.PROMETHEUS, "secretHeaders", "http://shop.example:80/m", "http://evil.example?@shop.example:80/m"),
        (ProbeKind.POSTGRES, "password", "postgresql://a@db.example/a", "postgresql://db.example%3A5432%2F@evil.example/a"),
        (ProbeKind.POSTGRES, "password", "postgresql://a@db.example/a", "postgresql://db.example%3A5432%20@evil.example/a"),
        (ProbeKind.REDIS, "password", "redis://a@c.example/0", "redis://c.example%3A6379%2F@evil.example/0"),
    ],
)  # fmt: skip
def test_no_spelling_of_another_target_keeps_a_secret(kind: ProbeKind, secret: str, before: str, after: str) -> None:
    known = Known({ONE: None}, {"url": before, secret: "X-Token: old"})
    found = refused(Draft("shop", kind, {"url": after}, id=ONE), known)
    assert "the address leads to another host" in found.get(f"settings.{secret}", "")


@pytest.mark.parametrize(
    ("kind", "before", "after", "given", "asks_again"),
    [
        (ProbeKind.HTTP, "https://shop.example/", "http://shop.example/", None, True),
        (ProbeKind.HTTP, "https://shop.example/", "HTTP://shop.example/", None, True),
        (ProbeKind.HTTP, "https://shop.example/", "http://shop.example/", "X-Token: new", False),
        (ProbeKind.HTTP, "https://shop.example/", "https://shop.example/other", None, False),
        (ProbeKind.HTTP, "http://shop.example/", "https://shop.example/", None, False),
        (ProbeKind.PROMETHEUS, "https://shop.example/", "http://shop.example/", None, True),
        (ProbeKind.REDIS, "rediss://a@c.example/0", "redis://a@c.example/0", None, True),
    ],
)
def test_a_secret_that_was_kept_safe_on_the_way_is_not_sent_for_all_to_read(
    kind: ProbeKind, before: str, after: str, given: str | None, asks_again: bool
) -> None:
    secret = "password" if kind is ProbeKind.REDIS else "secretHeaders"
    known = Known({ONE: None}, {"url": before, secret: "X-Token: old"})
    found = refused(Draft("shop", kind, {"url": after, secret: given}, id=ONE), known)
    assert ("anybody on the way can read it: enter " in found.get(f"settings.{secret}", "")) is asks_again


@pytest.mark.parametrize("url", ["http://[::1", "http://a／b.example/", "http://[x]/"])
def test_an_address_that_is_none_is_told_on_a_change_too(url: str) -> None:
    known = Known({ONE: None}, {"url": "http://shop.example/", "secretHeaders": "X-Token: old"})
    assert "settings.url" in refused(Draft("shop", ProbeKind.HTTP, {"url": url}, id=ONE), known)


@pytest.mark.parametrize(
    ("target", "place"),
    [
        ("https://shop.example/health?a=b", "shop.example"),
        ("POST http://…@10.0.0.1:8080/", "10.0.0.1:8080"),
        ("db.example:5432 (db)", "db.example:5432"),
        ("https://evil.example?@shop.example", "evil.example"),
        ("https://evil.example#@shop.example", "evil.example"),
        ("", ""),
    ],
)
def test_where_a_target_is(target: str, place: str) -> None:
    assert place_of(target) == place


def test_what_may_not_be_meant_is_warned_of() -> None:
    draft = replace(TCP, enabled=False, interval=timedelta(hours=2))
    warned = {each.field: each.message for each in problems(draft, Known()) if not each.refused}
    assert warned["enabled"] == "nobody asks it while it is paused"
    assert warned["interval"].startswith("it may take 2 h 10 s until it is known to be down")
