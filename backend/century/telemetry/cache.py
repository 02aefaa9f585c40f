"""What was read and decoded before, for as long as its row is the one that was read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Cache(Generic[Value]):
    """Values by key and version, the least lately used forgotten beyond so many bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._held: OrderedDict[Hashable, tuple[Hashable, Value, int]] = OrderedDict()

    def get(self, key: Hashable, version: Hashable) -> Value | None:
        """The value kept under this key, if it is of this version."""
        held = self._held.get(key)
        if held is None or held[0] != version:
            return None
        self._held.move_to_end(key)
        return held[1]

    def put(self, key: Hashable, version: Hashable, value: Value, size: int) -> None:
        """Keep a value of so many bytes."""
        old = self._held.pop(key, None)
        self._size += size - (old[2] if old else 0)
        self._held[key] = (version, value, size)
        while self._size > self._limit and len(self._held) > 1:
            _, (_, _, dropped) = self._held.popitem(last=False)
            self._size -= dropped
