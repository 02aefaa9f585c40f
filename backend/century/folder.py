"""An installation's data folder: made, held, and the secrets kept in it."""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from pathlib import Path
from typing import IO

from century.process import SpawnError


def make_folder(data_dir: Path) -> None:
    try:
        # As root the servers run as another user, who must be able to pass through, not to list.
        data_dir.mkdir(parents=True, mode=0o711 if os.geteuid() == 0 else 0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise SpawnError(f"{data_dir} cannot be made: {error.strerror}; choose another with --data-dir.") from None
    if not os.access(data_dir, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise SpawnError(f"{data_dir} cannot be written by this user; choose another folder with --data-dir.")


def secret(data_dir: Path, name: str) -> str:
    """The installation's secret of that name: made once, kept in the data folder, readable by its owner alone."""
    folder = data_dir / "secrets"
    folder.mkdir(exist_ok=True, mode=0o700)
    path = folder / name
    if not path.exists():
        fresh = folder / f"{name}.new"
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
        fresh.rename(path)
    return path.read_text().strip()


def hold(path: Path, wait: float) -> IO[str] | None:
    """Lock a file, so that one process and its children have the folder; none if others do, so many seconds later."""
    file = path.open("a")
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                file.close()
                return None
            time.sleep(0.05)
        else:
            return file
