"""Which backup counts."""

from __future__ import annotations

import pytest

from century.probes.backups import (
    Backup,
    candidates,
    checksum_in,
    fitting,
    folder_problem,
    newest_verified,
    pattern_problem,
)

OLD, NEW, SMALL = Backup("old", 1, 100, "a"), Backup("new", 2, 100, "b"), Backup("small", 3, 5, "c")


def test_the_newest_that_is_verified_counts() -> None:
    found = candidates([OLD, SMALL, NEW], 10)
    assert found == [NEW, OLD]
    assert newest_verified(found, {OLD.mark, NEW.mark}) == NEW
    assert newest_verified(found, {OLD.mark}) == OLD
    assert newest_verified(found, set()) is None


@pytest.mark.parametrize("other", [Backup("new", 3, 100, "b"), Backup("new", 2, 101, "b"), Backup("new", 2, 100, "c")])
def test_a_backup_that_changed_is_verified_no_longer(other: Backup) -> None:
    assert newest_verified([other], {NEW.mark}) is None


def test_names_that_a_pattern_means() -> None:
    names = ["app-1.dump", "app-1.dump.sha256", "other.dump", "APP-2.dump"]
    assert fitting(names, "app-*.dump") == ["app-1.dump"]
    assert fitting(names, "*") == ["app-1.dump", "other.dump", "APP-2.dump"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a" * 64, True),
        ("A" * 64 + "  app.dump\n", True),
        ("\\" + "a" * 64 + "  odd\\nname", True),
        ("a" * 63, False),
        ("a" * 65, False),
        ("", False),
        ("app.dump: " + "a" * 64, False),
    ],
)
def test_a_file_of_sha256sum(text: str, found: bool) -> None:
    assert checksum_in(text) == ("a" * 64 if found else None)


def test_sentences() -> None:
    assert folder_problem("/var/backups") is None and pattern_problem("*.dump") is None
    assert "must begin with /" in (folder_problem("backups") or "")
    assert "must begin with /" in (folder_problem("/a\0b") or "")
    assert "which files are backups" in (pattern_problem("") or "")
    for wrong in ("../*", "a/b", ".."):
        assert "the name of a file in the folder" in (pattern_problem(wrong) or "")
