"""What a name and an email may be."""

from __future__ import annotations

import pytest

from century.access.person import check_email, check_name, check_remaining_admins, check_role
from century.core.actor import Role
from century.core.errors import Conflict, Invalid


@pytest.mark.parametrize(
    ("given", "stored"),
    [("ada", "ada"), ("  Ada   Lovelace ", "Ada Lovelace"), ("Ångström", "Ångström"), ("小林", "小林")],
)
def test_a_name(given: str, stored: str) -> None:
    assert check_name(given) == stored


@pytest.mark.parametrize("given", ["", "   ", "a" * 65, "ada@example.com", "a\x00b", "a\u202eb", "\ud800"])
def test_not_a_name(given: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_name(given)
    assert "name" in refused.value.fields


@pytest.mark.parametrize("given", ["ops@company.com", "admin@localhost", "o'brien+x@example.co.uk"])
def test_an_email(given: str) -> None:
    assert check_email(f" {given} ") == given


@pytest.mark.parametrize(
    "given",
    ["", "ops", "@x", "x@", "a@b@c", "a b@c", "a@b\nBcc: c@d", "<a@b>", "a" * 255 + "@b", "é@example.com", "a\0@b"],
)
def test_not_an_email(given: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_email(given)
    assert "email" in refused.value.fields


def test_system_is_for_keys() -> None:
    with pytest.raises(Invalid):
        check_role(Role.SYSTEM)
    with pytest.raises(Conflict):
        check_remaining_admins(0)
    check_remaining_admins(1)
