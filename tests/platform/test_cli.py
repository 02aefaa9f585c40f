"""People and keys from the command line, and what production refuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from century.core.settings import Settings
from tests.platform.installation import century, link_in

PASSWORD = "seventeen-blue-otters"
SAFE = {"MONITORING_SECRET": "k3" * 20 + "9f-A_x.Qw1z", "MONITORING_JWT_SECRET": "m7" * 20 + "8e-B_y.Rv2u"}


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """A production installation: by DATABASE_URL."""
    return {
        "DATABASE_URL": settings.database_url.replace("+asyncpg", ""),
        "REDIS_URL": settings.redis_url,
        "MONITORING_DATA_DIR": str(settings.data_dir),
        **SAFE,
    }


async def test_people_are_created_changed_and_shut_out(environment: dict[str, str]) -> None:
    root = century("users", "create", "root", "root@example.com", "--role", "admin", "--invite", **environment)
    assert root.returncode == 0, root.stderr
    assert link_in(root.stdout)
    made = century(
        "users", "create", "olive", "olive@example.com", "--role", "operator", "--password-stdin",
        typed=f"{PASSWORD}\n", **environment,
    )  # fmt: skip
    assert made.stdout == "olive (olive@example.com) may sign in as operator.\n", made.stderr
    assert century("users", "set-role", "olive", "viewer", **environment).stdout == "olive is viewer now.\n"
    assert century("users", "disable", "olive@example.com", **environment).returncode == 0

    listed = century("users", "list", **environment).stdout
    assert re.search(r"^NAME +MAIL +ROLE +STATE +LAST SIGN-IN$", listed, re.MULTILINE)
    assert re.search(r"^olive +olive@example.com +viewer +disabled +-$", listed, re.MULTILINE)
    assert PASSWORD not in listed


async def test_what_cannot_be_done_is_a_sentence(environment: dict[str, str]) -> None:
    century("users", "create", "root", "root@example.com", "--role", "admin", "--invite", **environment)
    for arguments, sentence in [
        (("users", "create", "root", "new@example.com", "--role", "viewer", "--invite"), "somebody has the name"),
        (("users", "create", "new", "new@example.com", "--role", "viewer"), "use --password-stdin or --invite"),
        (("users", "disable", "root"), "admin"),
        (("users", "set-role", "nobody", "viewer"), "no person is called 'nobody'"),
        (("keys", "revoke", "none"), "no API key is called 'none'"),
    ]:
        refused = century(*arguments, **environment)
        assert refused.returncode == 1, arguments
        assert sentence in refused.stderr
        assert "Traceback" not in refused.stderr


async def test_a_keys_secret_is_shown_once(environment: dict[str, str]) -> None:
    made = century(
        "keys", "create", "pipeline", "--scope", "ingest", "--scope", "read", "--expires", "90d", **environment
    )
    secret = made.stdout.strip()
    assert re.fullmatch(r"cpt_monitor_\w+", secret), made.stderr
    listed = century("keys", "list", **environment).stdout
    assert secret not in listed
    assert re.search(r"^pipeline +cpt_monitor_\w+ +ingest read +active ", listed, re.MULTILINE)
    assert "is revoked" in century("keys", "revoke", "pipeline", **environment).stdout
    assert re.search(r"^pipeline .* revoked ", century("keys", "list", **environment).stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("MONITORING_JWT_SECRET", "", "MONITORING_JWT_SECRET is missing"),
        ("MONITORING_JWT_SECRET", "your_jwt_secret", "MONITORING_JWT_SECRET is too easy to guess"),
        ("MONITORING_SECRET", "short", "MONITORING_SECRET is too easy to guess"),
        ("DATABASE_URL", "", "DATABASE_URL is missing"),
        ("DATABASE_URL", "mysql://x", "DATABASE_URL must look like postgresql://"),
    ],
)
@pytest.mark.parametrize("command", ["serve", "worker"])
async def test_production_refuses_by_name(
    environment: dict[str, str], command: str, name: str, value: str, sentence: str
) -> None:
    refused = century(command, **{**environment, name: value})
    assert refused.returncode == 1
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr


async def test_migrating_again_finds_nothing_to_do(environment: dict[str, str]) -> None:
    done = century("migrate", **environment)
    assert re.fullmatch(r"The database is at revision \w+\.\n", done.stdout), done.stderr


def test_no_installation_is_a_sentence(tmp_path: Path) -> None:
    refused = century("users", "list", "--data-dir", str(tmp_path / "none"))
    assert refused.returncode == 1
    assert f"There is no installation in {tmp_path / 'none'}" in refused.stderr
    assert not (tmp_path / "none").exists()
