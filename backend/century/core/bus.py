"""Redis: wake-ups and jobs. It may be emptied at any moment; every due thing is a row in PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from arq.connections import ArqRedis
from redis.asyncio import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

PREFIX = "century:"
QUEUE_LENGTH = 1024
RECONNECT_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Message:
    """What was said on a topic; empty `data` means: something may have been missed, look again."""

    topic: str
    data: bytes


class Bus:
    """One process's end of the wire: a connection that listens, a pool that speaks.

    Whoever listens in the process that speaks hears it at once, without the way through Redis and also while it is away.
    """

    def __init__(self, redis_url: str) -> None:
        self.redis: Redis = Redis.from_url(redis_url, socket_connect_timeout=2, health_check_interval=15)
        self._jobs = ArqRedis(self.redis.connection_pool, job_serializer=orjson.dumps, job_deserializer=orjson.loads)
        self._sender = secrets.token_hex(8)
        self._queues: dict[str, set[asyncio.Queue[Message]]] = {}
        self._listener: asyncio.Task[None] | None = None
        self._listening = asyncio.Event()

    async def publish(self, topic: str, message: bytes) -> None:
        """Say something on a topic. Never raises: a lost wake-up is found by a sweep."""
        self._tell(topic, message)
        try:
            await self.redis.publish(self._channel(topic), message)
        except (RedisError, OSError) as error:
            logger.warning("the bus did not take a message on %s: %s", topic, type(error).__name__)

    async def publish_all(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Say several things in one go, in order. Never raises."""
        for topic, message in messages:
            self._tell(topic, message)
        try:
            async with self.redis.pipeline(transaction=False) as pipeline:
                for topic, message in messages:
                    pipeline.publish(self._channel(topic), message)
                await pipeline.execute()
        except (RedisError, OSError) as error:
            logger.warning("the bus did not take %d messages: %s", len(messages), type(error).__name__)

    def remind(self, topic: str, seconds: float) -> None:
        """Say something on a topic after a while, to this process alone: what was put off is not forgotten."""
        asyncio.get_running_loop().call_later(seconds, self._tell, topic, b"[]")

    @contextlib.asynccontextmanager
    async def subscribe(self, *topics: str) -> AsyncIterator[AsyncIterator[Message]]:
        """What is said on these topics from now on; a slow reader loses the oldest."""
        queue: asyncio.Queue[Message] = asyncio.Queue(QUEUE_LENGTH)
        for topic in topics:
            self._queues.setdefault(topic, set()).add(queue)
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen(), name="bus")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await self._listening.wait()
        try:
            yield _drain(queue)
        finally:
            for topic in topics:
                members = self._queues[topic]
                members.discard(queue)
                if not members:
                    del self._queues[topic]

    async def enqueue(self, job: str, **arguments: Any) -> None:
        """Ring for a job. Never raises: the job makes a due thing prompt, it is not what makes it happen."""
        try:
            await self._jobs.enqueue_job(job, **arguments)
        except (RedisError, OSError) as error:
            logger.warning("the bus did not take job %s: %s", job, type(error).__name__)

    async def close(self) -> None:
        """Stop listening and give the connections back."""
        if self._listener:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
        await self.redis.aclose()
        await self.redis.connection_pool.disconnect()

    async def _listen(self) -> None:
        missed = False
        while True:
            pubsub = self.redis.pubsub(ignore_subscribe_messages=False)
            try:
                await pubsub.psubscribe(PREFIX + "*")
                async for said in pubsub.listen():
                    if said["type"] == "psubscribe":
                        self._listening.set()
                        if missed:
                            self._tell_all()
                    elif said["type"] == "pmessage":
                        topic, _, sender = said["channel"].decode().removeprefix(PREFIX).rpartition("@")
                        if sender != self._sender:
                            self._tell(topic, said["data"])
            except (RedisError, OSError) as error:
                logger.warning("the bus is away (%s), trying again", type(error).__name__)
                missed = True
                self._listening.clear()
                await asyncio.sleep(RECONNECT_SECONDS)
            finally:
                with contextlib.suppress(RedisError, OSError):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]

    def _channel(self, topic: str) -> str:
        return f"{PREFIX}{topic}@{self._sender}"

    def _tell(self, topic: str, data: bytes) -> None:
        for queue in self._queues.get(topic, ()):
            _put(queue, Message(topic, data))

    def _tell_all(self) -> None:
        for topic, queues in self._queues.items():
            for queue in queues:
                _put(queue, Message(topic, b""))


def _put(queue: asyncio.Queue[Message], message: Message) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(message)


async def _drain(queue: asyncio.Queue[Message]) -> AsyncIterator[Message]:
    while True:
        yield await queue.get()
