"""What belongs to many objects of an operation, read once for all of them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, cast

from strawberry.dataloader import DataLoader

from century.core.graphql.context import Info
from century.core.work import Work

Key = TypeVar("Key")
Value = TypeVar("Value")


def loaded(
    info: Info, name: str, load: Callable[[Work, list[Key]], Awaitable[Sequence[Value]]]
) -> "DataLoader[Key, Value]":
    """The operation's loader of that name, which reads in one transaction for all that is asked at once."""

    async def read(asked: list[Key]) -> Sequence[Value]:
        async with info.context.works.read(info.context.actor) as work:
            return await load(work, asked)

    return together(info, name, read)


def together(
    info: Info, name: str, load: Callable[[list[Key]], Awaitable[Sequence[Value]]]
) -> "DataLoader[Key, Value]":
    """The same for what opens its own connection; nothing is remembered, so that a subscription sees what is new."""
    loaders = info.context.loaders
    if name not in loaders:
        loaders[name] = DataLoader(load_fn=cast(Any, load), cache=False)
    return cast("DataLoader[Key, Value]", loaders[name])
