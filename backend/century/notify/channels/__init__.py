"""The kinds of channels, one file each: `LABEL`, `HELP`, `FIELDS`, `check` and `send`."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast

from century.core.settings import Settings
from century.notify.channel import ChannelKind
from century.notify.message import Message
from century.notify.wire import Config, Field, Receipt, Wire


class Kind(Protocol):
    """What a file in here offers.

    `GROUPS`: several alerts go as one message; `READ`: by people, not by a program; `LANES`: so many messages at once;
    `CHILD`: a child process sends it. `check` raises Invalid for settings that cannot work; `send` raises Temporary or
    Permanent.
    """

    LABEL: str
    HELP: str
    FIELDS: Sequence[Field]
    GROUPS: bool
    READ: bool
    LANES: int
    CHILD: bool

    def unavailable(self, settings: Settings) -> str | None: ...
    async def check(self, config: Config, wire: Wire) -> None: ...
    async def send(self, config: Config, message: Message, wire: Wire) -> Receipt: ...


def kind_of(kind: ChannelKind) -> Kind:
    """The file of a kind."""
    return cast("Kind", import_module(f"century.notify.channels.{kind.value}"))
