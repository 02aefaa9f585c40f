"""Running apprise where it can do no harm: a child process that gets its work on stdin and reaches only what we allow."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from typing import Any
from weakref import WeakKeyDictionary

import orjson

from century.core.errors import Unavailable

LONGEST_ANSWER = 64 * 1024
CHILD = "century.notify.child"
# Each is an interpreter of its own, with all of apprise in it.
MOST = 8
_rooms: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


async def run(work: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Do `work` in a child of our own; its answer. Unavailable if it takes longer than `seconds`, or dies.

    There are so many children at once at most; `seconds` begin when it is this one's turn.
    """
    async with _rooms.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(MOST)):
        return await _run(work, seconds)


async def _run(work: dict[str, Any], seconds: float) -> dict[str, Any]:
    # No argument, no variable of ours: what is secret comes on stdin, and is seen by nobody who lists processes.
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-m", CHILD,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": "/nonexistent"}, cwd="/", start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(seconds):
            said, _ = await child.communicate(orjson.dumps(work))
    except TimeoutError:
        raise Unavailable(f"the service did not answer within {seconds:g} s") from None
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    try:
        answer = orjson.loads(said[:LONGEST_ANSWER])
    except orjson.JSONDecodeError:
        raise Unavailable("the child that speaks to the service ended before it answered") from None
    return answer if isinstance(answer, dict) else {}
