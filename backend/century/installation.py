"""Which installation a command means, and how to reach it: by folder, running or not, or by DATABASE_URL."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from century.embedded import Embedded
from century.folder import secret
from century.process import SpawnError

RUN_FILE = "up.json"


@dataclass(frozen=True, slots=True)
class Running:
    """What a running `century up` tells about itself in its folder (mode 0600)."""

    pid: int
    address: str
    database_url: str
    redis_url: str

    def write(self, data_dir: Path) -> None:
        """Leave the note, whole or not at all."""
        fresh = data_dir / f"{RUN_FILE}.new"
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(self), file)
        fresh.rename(data_dir / RUN_FILE)


def running(data_dir: Path) -> Running | None:
    """The `century up` that runs on this folder, if its process is there."""
    try:
        found = Running(**json.loads((data_dir / RUN_FILE).read_text()))
        os.kill(found.pid, 0)
    except PermissionError:
        raise SpawnError(f"{data_dir} belongs to another user.") from None
    except (OSError, ValueError, TypeError):
        return None
    return found


def data_folder(given: Path | None, environ: Mapping[str, str]) -> Path:
    """The folder named on the command line, by MONITORING_DATA_DIR, or the platform's own for applications."""
    chosen = given or environ.get("MONITORING_DATA_DIR") or platformdirs.user_data_dir("century", appauthor=False)
    return Path(chosen).expanduser().absolute()


def kept_secrets(data_dir: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The two secrets of an installation on one machine: what the environment says, else made once and kept."""
    names = {"MONITORING_SECRET": "monitoring", "MONITORING_JWT_SECRET": "jwt"}
    missing = {key: name for key, name in names.items() if not (environ.get(key) or environ.get(f"{key}_FILE"))}
    return {key: secret(data_dir, name) for key, name in missing.items()}


@contextlib.contextmanager
def reach(data_dir: Path, environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The environment to reach an installation by, its embedded servers started for the while if they do not run."""
    defaults = {"MONITORING_DATA_DIR": str(data_dir)}
    if environ.get("DATABASE_URL") or environ.get("DATABASE_URL_FILE"):
        kept = kept_secrets(data_dir, environ) if (data_dir / "secrets").is_dir() else {}
        yield {**defaults, "REDIS_URL": "redis://127.0.0.1:6379/0", **kept}
        return
    if not (data_dir / "secrets").is_dir():
        raise SpawnError(
            f"There is no installation in {data_dir}: start one with `century up`, or name it by --data-dir."
        )
    defaults |= kept_secrets(data_dir, environ)
    if found := running(data_dir):
        yield defaults | {
            "DATABASE_URL": found.database_url,
            "REDIS_URL": found.redis_url,
            "MONITORING_PUBLIC_URL": found.address,
        }
        return
    embedded = Embedded.start(data_dir)
    try:
        yield defaults | {"DATABASE_URL": embedded.database_url, "REDIS_URL": embedded.redis_url}
    finally:
        embedded.stop()
