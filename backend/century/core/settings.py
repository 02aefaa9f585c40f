"""What the installation is told by its environment, read once and handed on."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

SECRET_LENGTH = 32
WELL_KNOWN = frozenset({"your_monitoring_secret", "your_jwt_secret", "changeme", "secret", "password"})
FILE_SUFFIX = "_FILE"


class SettingsError(ValueError):
    """A setting that cannot be used; the message names it and says what would be right."""


PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"
SMTP_PORTS = {"starttls": 587, "tls": 465, "none": 25}


@dataclass(frozen=True, slots=True)
class Smtp:
    """The mail server that e-mail leaves by; `tls` is starttls, tls (from the first byte) or none."""

    host: str
    port: int
    sender: str
    tls: str = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a process needs to know; `database_url` and the secrets never show in a repr."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    secret: str = field(repr=False)
    jwt_secret: str = field(repr=False)
    data_dir: Path
    public_url: str = "http://127.0.0.1:8000"
    egress_allow: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    smtp: Smtp | None = None
    slack_webhook_url: str = field(default="", repr=False)
    pagerduty_url: str = PAGERDUTY_URL
    connectivity: tuple[tuple[str, int], ...] = ()
    backup_paths: tuple[Path, ...] = ()
    metrics_public: bool = False
    previous_secret: str = field(default="", repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secret of today, then the one before it for as long as it is named."""
        return (self.secret, self.previous_secret) if self.previous_secret else (self.secret,)


def read_settings(
    environ: Mapping[str, str],
    *,
    data_dir: Path | None = None,
    production: bool = False,
    defaults: Mapping[str, str] | None = None,
) -> Settings:
    """The settings an environment describes; `defaults` fill what it leaves out, `X_FILE` names a file that holds X.

    In production a secret must be at least 32 characters and not one printed in a guide. Raises SettingsError.
    """
    fallback = defaults or {}

    def value(name: str) -> str:
        if path := environ.get(name + FILE_SUFFIX):
            try:
                return Path(path).read_text().strip()
            except OSError as error:
                raise SettingsError(f"{name}{FILE_SUFFIX} cannot be read: {error.strerror}") from None
        return environ.get(name, "") or fallback.get(name, "")

    def required(name: str, meaning: str) -> str:
        if found := value(name):
            return found
        raise SettingsError(f"{name} is missing: set it to {meaning}")

    def secret(name: str, *, optional: bool = False) -> str:
        if optional and not value(name):
            return ""
        found = required(name, f"at least {SECRET_LENGTH} random characters, for example from `openssl rand -hex 32`")
        if production and (found.lower() in WELL_KNOWN or len(found) < SECRET_LENGTH or len(set(found)) < 8):
            raise SettingsError(f"{name} is too easy to guess: set at least {SECRET_LENGTH} random characters")
        return found

    directory = data_dir or (Path(found) if (found := value("MONITORING_DATA_DIR")) else None)
    if directory is None:
        raise SettingsError("MONITORING_DATA_DIR is missing: set it to a folder of this installation's own")
    return Settings(
        database_url=database_url(required("DATABASE_URL", "postgresql://user:password@host/database")),
        redis_url=redis_url(required("REDIS_URL", "redis://host:6379/0")),
        secret=secret("MONITORING_SECRET"),
        jwt_secret=secret("MONITORING_JWT_SECRET"),
        data_dir=directory,
        public_url=public_url(value("MONITORING_PUBLIC_URL") or "http://127.0.0.1:8000"),
        egress_allow=networks("MONITORING_EGRESS_ALLOW", value("MONITORING_EGRESS_ALLOW")),
        trusted_proxies=networks("MONITORING_TRUSTED_PROXIES", value("MONITORING_TRUSTED_PROXIES")),
        smtp=smtp(value),
        slack_webhook_url=web_address("SLACK_WEBHOOK_URL", value("SLACK_WEBHOOK_URL")),
        pagerduty_url=web_address("MONITORING_PAGERDUTY_URL", value("MONITORING_PAGERDUTY_URL")) or PAGERDUTY_URL,
        previous_secret=secret("MONITORING_SECRET_PREVIOUS", optional=True),
        connectivity=anchors("MONITORING_CONNECTIVITY", value("MONITORING_CONNECTIVITY")),
        backup_paths=folders("MONITORING_BACKUP_PATHS", value("MONITORING_BACKUP_PATHS")) or (directory / "backups",),
        metrics_public=flag("MONITORING_METRICS_PUBLIC", value("MONITORING_METRICS_PUBLIC")),
    )


def smtp(value: Callable[[str], str]) -> Smtp | None:
    """The mail server of SMTP_HOST and its companions; None where there is none."""
    host = value("SMTP_HOST")
    if not host:
        return None
    tls = (value("SMTP_TLS") or "starttls").lower()
    if tls not in SMTP_PORTS:
        raise SettingsError("SMTP_TLS must be starttls, tls (from the first byte) or none")
    port = value("SMTP_PORT") or str(SMTP_PORTS[tls])
    if not port.isdecimal() or not 1 <= int(port) <= 65_535:
        raise SettingsError("SMTP_PORT must be a number between 1 and 65535")
    username = value("SMTP_USERNAME")
    sender = value("SMTP_FROM") or (username if "@" in username else f"century@{host}")
    if "@" not in sender or any(each in sender for each in "\r\n"):
        raise SettingsError("SMTP_FROM must be an e-mail address")
    return Smtp(host, int(port), sender, tls, username, value("SMTP_PASSWORD"))


def web_address(name: str, url: str) -> str:
    """An https (or http) address; empty where none is set."""
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise SettingsError(f"{name} must look like https://host/path")
    return url


def database_url(url: str) -> str:
    """The same address for the driver we use: SQLAlchemy reads a bare `postgresql://` as another one."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.split("+")[0] not in ("postgresql", "postgres"):
        raise SettingsError("DATABASE_URL must look like postgresql://user:password@host/database")
    return f"postgresql+asyncpg://{rest}"


def redis_url(url: str) -> str:
    """The address as given, once its scheme is one that Redis clients know."""
    if urlsplit(url).scheme not in ("redis", "rediss", "unix"):
        raise SettingsError("REDIS_URL must look like redis://host:6379/0, rediss://… or unix:///path/to/socket")
    return url


def public_url(url: str) -> str:
    """The address people reach us at, without a trailing slash."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError("MONITORING_PUBLIC_URL must look like https://monitoring.example.com")
    return url.rstrip("/")


def networks(name: str, text: str) -> tuple[str, ...]:
    """Comma-separated networks in CIDR form, normalised."""
    try:
        return tuple(str(ipaddress.ip_network(part.strip(), strict=False)) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise SettingsError(f"{name}: {error}; write networks like 10.0.0.0/8, separated by commas") from None


def anchors(name: str, text: str) -> tuple[tuple[str, int], ...]:
    """Comma-separated `host:port`, an IPv6 address in brackets."""
    found = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        host, colon, port = part.rpartition(":")
        if not host or not colon or not port.isdecimal() or not 1 <= int(port) <= 65_535:
            raise SettingsError(f"{name}: '{part}' must look like host:port")
        found.append((host.strip("[]"), int(port)))
    return tuple(found)


def folders(name: str, text: str) -> tuple[Path, ...]:
    """Comma-separated absolute folders."""
    found = tuple(Path(part.strip()) for part in text.split(",") if part.strip())
    if wrong := next((each for each in found if not each.is_absolute()), None):
        raise SettingsError(f"{name}: '{wrong}' must begin with /")
    return found


def flag(name: str, text: str) -> bool:
    """1 or 0, true or false; nothing is 0."""
    match text.lower():
        case "1" | "true" | "yes" | "on":
            return True
        case "" | "0" | "false" | "no" | "off":
            return False
    raise SettingsError(f"{name} must be 1 or 0")
