"""How a connection to PostgreSQL is opened: to an address that was looked at, and to nothing that the surroundings name."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.engine import make_url

from century.probes.address import ServerAddress
from century.probes.bounded import Bounded
from century.probes.kind import Config
from century.probes.measurement import Trouble
from century.probes.wire import Failed, Wire, distrust, guarded, named, place, unreachable

OWN = "our own database"
# What a look asks for are some ten thousand bytes; whoever sends more is no PostgreSQL, or one that is up to no good.
MOST_BYTES = 4 * 1024 * 1024
# How libpq calls the ways to use TLS: whether it is used, demanded, and the certificate looked at.
MODES = {
    "disable": (False, False, False),
    "allow": (True, False, False),
    "prefer": (True, False, False),
    "require": (True, True, False),
    "verify-ca": (True, True, True),
    "verify-full": (True, True, True),
}


class Full(Failed):
    """Every connection of the server is taken."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where a server is (pinned), what it asks for, and the ways of TLS to try in turn: a context, or False."""

    label: str
    name: str
    arguments: Mapping[str, Any] = field(repr=False)
    hosts: tuple[Any, ...]
    ways: tuple[Any, ...]

    def at(self, host: Any) -> str:
        """The address as people read it."""
        return self.label if self.label == OWN else place(str(host), self.arguments["port"])


async def door_of(wire: Wire, address: ServerAddress, config: Config, *, plain: bool) -> Door:
    """The door to a server of somebody's. `plain`: it was last let in without TLS, so that is tried first where it may be."""
    hosts = tuple(str(each) for each in await guarded(wire, address.host, address.port))
    used, demanded, verified = MODES[address.options.get("sslmode", "prefer")]
    ca = config["ca"]
    if config.flag("verifyTls") or ca:
        used = demanded = verified = True
    ways: tuple[Any, ...] = (False,)
    if used:
        try:
            secure = named(wire.tls.context(verify=verified, ca=ca), address.host)
        except ValueError as error:
            raise Failed(Trouble.SETUP, f"the certificate authority: {error}") from None
        ways = (secure,) if demanded else (False, secure) if plain else (secure, False)
    arguments = {
        "port": address.port,
        "user": address.user,
        # Never None: the driver would look for one in the environment and in the home folder.
        "password": config["password"],
        "database": address.path or address.user,
    }
    return Door(place(address.host, address.port), address.host, arguments, hosts, ways)


def own_door(wire: Wire) -> Door:
    """The door that we go through ourselves: its address comes from whoever runs the installation, and from nobody else."""
    dialect: Any = PGDialect_asyncpg()  # type: ignore[no-untyped-call]
    _, options = dialect.create_connect_args(make_url(wire.settings.database_url))
    known = ("port", "user", "password", "database")
    arguments = {"password": ""} | {name: options[name] for name in known if options.get(name) is not None}
    return Door(OWN, OWN, arguments, (options.get("host"),), (options.get("ssl", False),))


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection, whether it is without TLS, and how much it may take in."""

    connection: Any
    plain: bool
    bounds: Bounded


async def open_door(door: Door, seconds: float) -> Opened:
    """A connection; Failed says why there is none. An address gets so many seconds."""
    failure = Failed(Trouble.NETWORK, f"{door.label} has no address")
    for host in door.hosts:
        for way in door.ways:
            bounds = Bounded(MOST_BYTES)
            try:
                connection = await asyncpg.connect(
                    host=host,
                    ssl=way,
                    timeout=seconds,
                    loop=bounds,
                    statement_cache_size=0,
                    # Each of these would otherwise be read from the environment.
                    target_session_attrs="any",
                    direct_tls=False,
                    server_settings={"application_name": "century-probe"},
                    **door.arguments,
                )
            except Exception as error:  # noqa: BLE001 (a driver meets anything that reads the bytes of something else)
                failure = too_much(door.at(host)) if bounds.exceeded else _failure(door, host, error, seconds)
                if not _another_way(error):
                    break
            else:
                return Opened(connection, way is False, bounds)
        if failure.reached:
            break
    raise failure


def too_much(where: str) -> Failed:
    """Why a connection was cut off."""
    said = f"{where} sends more than {MOST_BYTES >> 20} MiB, and was cut off: is it PostgreSQL?"
    return Failed(Trouble.ANSWER, said, reached=True)


def _another_way(error: Exception) -> bool:
    """Whether a server may let in without TLS (or with it) whom it refuses so."""
    return isinstance(error, asyncpg.InvalidAuthorizationSpecificationError) or _without_tls(error)


def _without_tls(error: Exception) -> bool:
    return isinstance(error, ConnectionError) and "rejected SSL" in str(error)


def _failure(door: Door, host: Any, error: Exception, seconds: float) -> Failed:
    where = door.at(host)
    match error:
        case ssl.SSLCertVerificationError():
            return Failed(Trouble.ANSWER, distrust(door.name, error), reached=True)
        case ssl.SSLError():
            reason = (error.reason or "no reason given").lower().replace("_", " ")
            return Failed(Trouble.ANSWER, f"{where} does not speak TLS as it should: {reason}", reached=True)
        case TimeoutError():
            return Failed(Trouble.TIMEOUT, f"{where} did not let us in within {seconds:g} s")
        case OSError() if _without_tls(error):
            return Failed(Trouble.ANSWER, f"{where} does not offer TLS, which this probe asks for", reached=True)
        case asyncpg.ConnectionDoesNotExistError():
            return Failed(Trouble.NETWORK, f"{where} ended the connection before it let us in: is it PostgreSQL?")
        case ConnectionError() if error.errno is None:
            return Failed(Trouble.NETWORK, f"{where} ended the connection before it let us in: is it PostgreSQL?")
        case OSError():
            return Failed(Trouble.NETWORK, unreachable(where, error))
        case asyncpg.TooManyConnectionsError():
            return Full(Trouble.ANSWER, f"every connection is taken: {told(error)}", reached=True)
        case asyncpg.InvalidAuthorizationSpecificationError():
            return Failed(Trouble.SETUP, f"{where} does not let us in: {told(error)}", reached=True)
        case asyncpg.InvalidCatalogNameError() | asyncpg.InsufficientPrivilegeError():
            return Failed(Trouble.SETUP, f"{where} says: {told(error)}", reached=True)
        case asyncpg.PostgresError():
            return Failed(Trouble.ANSWER, f"{where} says: {told(error)}", reached=True)
    return Failed(Trouble.ANSWER, f"{where} does not speak PostgreSQL's protocol", reached=True)


def told(error: Exception) -> str:
    """What PostgreSQL said."""
    return str(getattr(error, "message", None) or error)
