"""Ids, permissions and settings: the small decisions everything stands on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from century.core.actor import Permission, Role, Scope, permissions_of
from century.core.ids import new_id
from century.core.settings import SettingsError, read_settings

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
GOOD = {
    "DATABASE_URL": "postgresql://user:pass@localhost/centuryproptax",
    "REDIS_URL": "redis://localhost:6379",
    "MONITORING_SECRET": "0123456789abcdef0123456789abcdef",
    "MONITORING_JWT_SECRET": "fedcba9876543210fedcba9876543210",
}


def test_an_id_is_a_uuid_of_version_7_that_sorts_by_time() -> None:
    made = [new_id(NOW + timedelta(milliseconds=step)) for step in range(50)]
    assert made == sorted(made)
    assert {(one.version, one.variant) for one in made} == {(7, "specified in RFC 4122")}
    assert made[0].int >> 80 == int(NOW.timestamp() * 1000)


def test_ids_of_one_instant_differ() -> None:
    assert len({new_id(NOW) for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("role", "scopes", "expected"),
    [
        (Role.VIEWER, set(), {Permission.READ}),
        (Role.OPERATOR, set(), {Permission.READ, Permission.OPERATE}),
        (Role.ADMIN, set(), {Permission.READ, Permission.OPERATE, Permission.CONFIGURE, Permission.ADMINISTER}),
        (Role.SYSTEM, set(), set()),
        (Role.SYSTEM, {Scope.INGEST}, {Permission.INGEST}),
        (Role.SYSTEM, {Scope.READ, Scope.CONFIGURE}, {Permission.READ, Permission.APPLY}),
        (Role.VIEWER, {Scope.INGEST}, {Permission.READ}),
    ],
)
def test_the_permission_table(role: Role, scopes: set[Scope], expected: set[Permission]) -> None:
    assert permissions_of(role, frozenset(scopes)) == expected


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"DATABASE_URL": ""}, "DATABASE_URL is missing"),
        ({"DATABASE_URL": "mysql://localhost/x"}, "DATABASE_URL must look like"),
        ({"REDIS_URL": "localhost:6379"}, "REDIS_URL must look like"),
        ({"MONITORING_JWT_SECRET": "your_jwt_secret"}, "MONITORING_JWT_SECRET is too easy"),
        ({"MONITORING_SECRET": "short"}, "MONITORING_SECRET is too easy"),
        ({"MONITORING_SECRET": "a" * 40}, "MONITORING_SECRET is too easy"),
        ({"MONITORING_SECRET_PREVIOUS": "short"}, "MONITORING_SECRET_PREVIOUS is too easy"),
        ({"MONITORING_EGRESS_ALLOW": "10.0.0.0/99"}, "MONITORING_EGRESS_ALLOW"),
        ({"MONITORING_PUBLIC_URL": "monitoring.example.com"}, "MONITORING_PUBLIC_URL must look like"),
        ({"MONITORING_SECRET_FILE": "/does/not/exist"}, "MONITORING_SECRET_FILE cannot be read"),
    ],
)
def test_a_bad_setting_is_named_and_said_what_would_be_right(change: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        read_settings({**GOOD, **change}, data_dir=Path("/tmp"), production=True)


def test_settings_are_read_for_our_driver_and_hide_their_secrets(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("0123456789abcdef-from-a-file-here\n")
    told = {**GOOD, "MONITORING_SECRET": "", "MONITORING_SECRET_FILE": str(tmp_path / "secret")}
    settings = read_settings(told, data_dir=tmp_path, production=True)
    assert settings.database_url == "postgresql+asyncpg://user:pass@localhost/centuryproptax"
    assert settings.secret == "0123456789abcdef-from-a-file-here"
    assert "pass" not in repr(settings) and "abcdef" not in repr(settings)
    assert settings.secrets == (settings.secret,)
    changed = read_settings(
        {**told, "MONITORING_SECRET_PREVIOUS": "fedcba9876543210-of-yesterday-xx"}, data_dir=tmp_path
    )
    assert changed.secrets == (settings.secret, "fedcba9876543210-of-yesterday-xx")
    assert "fedcba" not in repr(changed)


def test_what_probes_are_told_is_read(tmp_path: Path) -> None:
    plain = read_settings(GOOD, data_dir=tmp_path)
    assert (plain.connectivity, plain.backup_paths, plain.metrics_public) == ((), (tmp_path / "backups",), False)
    told = {
        "MONITORING_CONNECTIVITY": "one.example:443, [2001:db8::1]:53",
        "MONITORING_BACKUP_PATHS": "/var/backups,/srv/dumps",
        "MONITORING_METRICS_PUBLIC": "1",
    }
    settings = read_settings({**GOOD, **told}, data_dir=tmp_path)
    assert settings.connectivity == (("one.example", 443), ("2001:db8::1", 53))
    assert settings.backup_paths == (Path("/var/backups"), Path("/srv/dumps"))
    assert settings.metrics_public


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"MONITORING_CONNECTIVITY": "one.example"}, "'one.example' must look like host:port"),
        ({"MONITORING_CONNECTIVITY": "one.example:70000"}, "must look like host:port"),
        ({"MONITORING_BACKUP_PATHS": "dumps"}, "'dumps' must begin with /"),
        ({"MONITORING_METRICS_PUBLIC": "maybe"}, "MONITORING_METRICS_PUBLIC must be 1 or 0"),
    ],
)
def test_what_probes_cannot_be_told_is_refused(change: dict[str, str], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=sentence):
        read_settings({**GOOD, **change}, data_dir=tmp_path)
