"""Addresses of servers, as people write them."""

from __future__ import annotations

import pytest

from century.probes.address import ServerAddress, host_and_port, server_address

LIKE = "db://user@host:1/name"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("db://host", ServerAddress("db", "host", 9)),
        ("db://user@Host:1/name", ServerAddress("db", "host", 1, "user", "name")),
        ("db://a%40b@host/c%20d", ServerAddress("db", "host", 9, "a@b", "c d")),
        ("db://[::1]:1", ServerAddress("db", "::1", 1)),
        ("db://host?a=b&c=", ServerAddress("db", "host", 9, options={"a": "b", "c": ""})),
        ("db://bücher.example", ServerAddress("db", "xn--bcher-kva.example", 9)),
    ],
)
def test_an_address_taken_apart(url: str, found: ServerAddress) -> None:
    assert server_address(url, ("db",), 9, LIKE) == found


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "give the address"),
        ("host", "must begin with db://"),
        ("db://user:word@host", "put the password into its own field"),
        ("db://:@host", "put the password into its own field"),
        ("db://a,b", "one host"),
        ("db://[::1", "a port between 1 and 65535"),
        ("db://[fe80::1%25eth0]", "one host"),
        ("db://host:x", "a port between 1 and 65535"),
        ("db://host/name#part", "what follows the #"),
        ("db://host\\name", "without spaces"),
        ("db://ho st", "without spaces"),
        ("db://-", "neither a name nor an address"),
        ("db://" + "a" * 2048, "without spaces"),
    ],
)
def test_what_is_no_address(url: str, said: str) -> None:
    with pytest.raises(ValueError) as refused:
        server_address(url, ("db",), 9, LIKE)
    assert said in str(refused.value)
    assert "word" not in str(refused.value).replace("password", "")


def test_an_address_for_people() -> None:
    assert str(server_address("db://user@host/name?a=b", ("db",), 9, LIKE)) == "db://user@host:9/name"
    assert str(server_address("db://[::1]", ("db",), 9, LIKE)) == "db://[::1]:9"


def test_a_host_and_a_port() -> None:
    assert host_and_port("one", 9, LIKE) == ("one", 9)
    assert host_and_port("[::1]:8", 9, LIKE) == ("::1", 8)
    for wrong in ("user@one", "one/two", "one?a=b", ""):
        with pytest.raises(ValueError):
            host_and_port(wrong, 9, LIKE)
