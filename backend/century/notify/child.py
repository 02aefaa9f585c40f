"""The child that speaks apprise: `python -m century.notify.child`, work as JSON on stdin, one answer on stdout.

Before apprise is given an address, an audit hook closes everything but connections to addresses that may be reached:
no other process, no file outside the installation, no listening. Hooks cannot be taken off again.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import logging
import os
import resource
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import apprise
from apprise.apprise import N_MGR

from century.core.egress import Network, judge, parse_networks

MEMORY = 1024 * 1024 * 1024
CPU_SECONDS = 20
OPEN_FILES = 64
# Services that are this machine itself: its desktop, its log, its programs.
LOCAL = frozenset({
    "dbus", "kde", "qt", "glib", "gnome", "macosx", "windows", "syslog", "libnotify", "growl",
})  # fmt: skip
STARTS = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.forkpty",
    "pty.spawn",
    "os.spawn",
)
CHANGES = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod", "os.chown", "os.link", "os.symlink",
           "os.truncate", "shutil.rmtree", "shutil.move", "shutil.copyfile")  # fmt: skip
READABLE = ("/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/usr/share/zoneinfo", "/usr/share/ca-certificates",
            "/usr/lib", "/usr/local/lib", "/lib", "/dev/null", "/dev/urandom", "/etc/hosts", "/etc/resolv.conf",
            "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services", "/etc/host.conf", "/etc/localtime",
            "/etc/mime.types", "/etc/os-release")  # fmt: skip


class Forbidden(PermissionError):
    """What the child may not do."""


class Guard:
    """The audit hook. It remembers what it refused: apprise may swallow the exception."""

    def __init__(self, allow: Iterable[Network]) -> None:
        self._allow = tuple(allow)
        self._readable = tuple(
            os.path.realpath(each)
            for each in (
                sys.prefix,
                sys.base_prefix,
                Path(apprise.__file__).parent,
                Path(__file__).parents[2],
                *READABLE,
            )
        )
        self.refused: str | None = None

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        match event:
            case "socket.connect":
                self._connects(arguments[0], arguments[1])
            case "socket.sendto" | "socket.sendmsg":
                if arguments[1] is not None:
                    self._connects(arguments[0], arguments[1])
            case "socket.bind":
                self._refuse("it wants to listen")
            case "open":
                self._opens(*arguments)
            case _ if event in STARTS:
                self._refuse("it wants to start a program")
            case _ if event in CHANGES:
                self._refuse("it wants to change files")

    def _connects(self, sock: socket.socket, where: Any) -> None:
        if sock.family not in (socket.AF_INET, socket.AF_INET6):
            self._refuse("it wants to reach this machine")
        try:
            address = ipaddress.ip_address(str(where[0]).partition("%")[0])
        except ValueError:
            # A name could lead elsewhere once it was looked at.
            self._refuse("it connects by name, which cannot be checked")
            return
        verdict = judge(address, self._allow)
        if not verdict.may:
            private = ": open it with MONITORING_EGRESS_ALLOW" if verdict.value == "private" else ""
            self._refuse(f"{address} may not be reached from here{private}")

    def _opens(self, path: Any, mode: Any, flags: Any) -> None:
        if isinstance(path, int):
            return
        if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND):
            self._refuse("it wants to write a file")
        real = os.path.realpath(os.fsdecode(path))
        if not any(real == each or real.startswith(each + os.sep) for each in self._readable):
            self._refuse("it wants to read a file of this machine")

    def _refuse(self, why: str) -> None:
        self.refused = self.refused or why
        raise Forbidden(why)


class Heard(logging.Handler):
    """What apprise logs: the services' own words."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(Exception):
            self.lines.append(record.getMessage())


def service(url: str) -> Any:
    """The service of an address; ValueError with a sentence where there is none, or it is this machine itself."""
    schema = url.partition("://")[0].lower() if "://" in url else ""
    if not schema:
        raise ValueError("an apprise address looks like tgram://bot-token/chat-id")
    if schema in LOCAL:
        raise ValueError(f"{schema}:// is this machine itself, which nobody looks at")
    asset = apprise.AppriseAsset(
        app_id="Century", app_desc="Century", app_url="", secure_logging=True, async_mode=False,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )  # fmt: skip
    found = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if found is None:
        known = schema in N_MGR
        raise ValueError(
            f"this is no complete {schema}:// address; see appriseit.com/services" if known
            else f"apprise knows no {schema}:// services; see appriseit.com/services"
        )  # fmt: skip
    return found


def work(said: dict[str, Any], guard: Guard) -> dict[str, Any]:
    """Do what is asked."""
    heard = Heard()
    log = logging.getLogger("apprise")
    log.addHandler(heard)
    log.propagate = False
    try:
        found = service(said["url"])
    except ValueError as error:
        return {"ok": False, "detail": str(error)}
    if said["do"] == "check":
        has_host = any("{host}" in each for each in getattr(found, "templates", ()))
        return {"ok": True, "service": str(found.service_name), "host": found.host if has_host else None}
    took = bool(found.notify(body=said["body"], title=said["title"], notify_type=apprise.NotifyType(said["type"])))
    words = " ".join(heard.lines)
    if guard.refused is not None and not took:
        return {"ok": False, "forbidden": True, "detail": guard.refused}
    return {
        "ok": took,
        "detail": f"{found.service_name} took it" if took else words or f"{found.service_name} did not take it",
    }


def limit() -> None:
    """Bound what the process may use."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        resource.setrlimit(what, (most, most))


def main() -> None:
    """Read the work, close the doors, do it, answer."""
    said = json.load(sys.stdin)
    limit()
    # Everything that apprise loads late is loaded before the doors close.
    N_MGR.load_modules()  # type: ignore[no-untyped-call]
    guard = Guard(parse_networks(said.get("allow", ())))
    sys.addaudithook(guard)
    sys.stdout.write(json.dumps(work(said, guard)))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
