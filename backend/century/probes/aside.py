"""Work that may hang for ever, as a file system does whose server is gone: in a thread that nobody waits for at the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class StillBusy(TimeoutError):
    """It was begun before, and has not ended."""


async def aside(name: str, work: Callable[[], T], seconds: float) -> T:
    """What `work` returns or raises; TimeoutError when it takes longer, StillBusy while an earlier one of its name does.

    A thread that hangs can neither be stopped nor be joined: there is one at most for each name, and it holds up no exit.
    """
    known = f"aside {name}"
    if any(each.name == known for each in threading.enumerate()):
        raise StillBusy
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as raised:  # noqa: BLE001 (whatever it is belongs to whoever asked)
            error = raised
        threading.current_thread().name = "aside"  # free for the next, before anybody hears of it
        try:
            loop.call_soon_threadsafe(tell, result, error)
        except RuntimeError:
            return  # the loop is closed: nobody asks any more

    threading.Thread(target=run, name=known, daemon=True).start()
    async with asyncio.timeout(seconds):
        return await done
