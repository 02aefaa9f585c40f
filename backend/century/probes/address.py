"""The address of a server, as people write it: postgresql://user@host:5432/app. Its password has a field of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from century.probes.hosts import host_of

LONGEST = 2_048


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """An address taken apart. `path` is what follows the host, without its slash."""

    scheme: str
    host: str
    port: int
    user: str = ""
    path: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        # As it must be written: a user with a slash in its name could pass for the host.
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        return f"{self.scheme}://{user}{host}:{self.port}/{quote(self.path)}".rstrip("/")


def server_address(url: str, schemes: Collection[str], port: int, like: str) -> ServerAddress:
    """The parts of an address; ValueError says what is wrong, and shows one `like` it should be."""
    if not url:
        raise ValueError(f"give the address, like {like}")
    if len(url) > LONGEST or any(ord(each) <= 32 or ord(each) == 127 for each in url) or "\\" in url:
        raise ValueError(f"it must be an address without spaces, like {like}")
    try:
        parts = urlsplit(url)
        host, given = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"it must be an address with a port between 1 and 65535, like {like}") from None
    if parts.scheme not in schemes:
        raise ValueError(f"it must begin with {' or '.join(f'{each}://' for each in schemes)}, like {like}")
    if parts.password is not None:
        raise ValueError("put the password into its own field: an address is shown to everybody who looks")
    # Drivers read a list here, or the folder of a socket; one name is looked up, checked, and reached.
    if not host or any(each in host for each in ",%/@") or "," in parts.netloc:
        raise ValueError(f"it must name one host, like {like}")
    try:
        host = host_of(host)
    except ValueError as error:
        raise ValueError(f"{error}; an address looks like {like}") from None
    if given == 0:
        raise ValueError(f"it must be an address with a port between 1 and 65535, like {like}")
    if parts.fragment:
        raise ValueError(f"leave out what follows the #: an address looks like {like}")
    return ServerAddress(
        scheme=parts.scheme,
        host=host,
        port=given or port,
        user=unquote(parts.username or ""),
        path=unquote(parts.path.strip("/")),
        options=dict(parse_qsl(parts.query, keep_blank_values=True)),
    )


def host_and_port(text: str, port: int, like: str) -> tuple[str, int]:
    """A `host:port` line, with the usual port where it names none; ValueError says what is wrong."""
    found = server_address(f"tcp://{text}", ("tcp",), port, like)
    if found.user or found.path or found.options:
        raise ValueError(f"'{text[:80]}' must be a host and a port, like {like}")
    return found.host, found.port
