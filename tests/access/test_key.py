"""API keys as text: what is one, and that only the whole of it opens."""

from __future__ import annotations

import pytest

from century.access.key import KeyText, hash_key, keyed_hash, matches, new_key, read_key, shown

SECRET = "an installation's secret"


def test_a_key_is_read_back_whole() -> None:
    key = new_key()
    assert read_key(key.whole) == key
    assert key.whole.startswith("cpt_monitor_")
    assert shown(key.handle) in key.whole
    assert key.secret not in repr(key)
    assert new_key().whole != key.whole


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cpt_monitor_",
        "cpt_monitor_abc_def",
        "cpt_monitor_" + "a" * 12,
        "cpt_monitor_" + "a" * 12 + "_" + "b" * 42,
        "cpt_monitor_" + "a" * 12 + "_" + "b" * 44,
        "cpt_monitor_" + "A" * 12 + "_" + "b" * 43,
        "cpt_monitor_" + "a" * 12 + "_" + "b" * 42 + "é",
        "cpt_monitor_" + "a" * 12 + "_" + "b" * 43 + "\n",
        " cpt_monitor_" + "a" * 12 + "_" + "b" * 43,
        "CPT_MONITOR_" + "a" * 12 + "_" + "b" * 43,
        "cpt_monitor_" + "a" * 12 + "_" + "b" * 42 + "\0",
    ],
)
def test_what_is_no_key(text: str) -> None:
    assert read_key(text) is None


def test_a_stored_hash_opens_to_its_key_alone() -> None:
    key = new_key()
    stored = hash_key(SECRET, key)
    assert matches(SECRET, key, stored)
    assert not matches(SECRET, new_key(), stored)
    assert not matches(SECRET, KeyText(new_key().handle, key.secret), stored)
    assert not matches("another installation's secret", key, stored)


def test_a_hash_for_one_purpose_is_none_for_another() -> None:
    assert keyed_hash(SECRET, "link", "x") != keyed_hash(SECRET, "key", "x")
