"""What we fetched ourselves is kept like telemetry, and shown to nobody as a service."""

from __future__ import annotations

import math
import os
from uuid import UUID

import pytest

from century.core.actor import INTERNAL
from century.telemetry import load
from century.telemetry.identity import Refused, source
from century.telemetry.receive import keep
from century.telemetry.samples import Recorder, Sample
from century.telemetry.service import Telemetry
from tests.world import START, World

AT = int(START.timestamp()) * 1_000_000_000


def sample(service: str = "century/probes-0", value: float = 1.0, metric: str = "probe.ok", probe: str = "a") -> Sample:
    return Sample(service, metric, "1", AT, value, (("probe.id", probe),))


def test_a_known_series_is_discovered_once() -> None:
    recorder = Recorder()
    first = recorder.batch([sample(), sample(probe="b"), sample()])
    assert [each.attributes for each in first.discoveries] == [{"probe.id": "a"}, {"probe.id": "b"}]
    assert first.block.numbers.series.tolist() == [-1, -2, -1]
    for number, each in enumerate(first.discoveries, 7):
        each.stream.ids[each.key] = number
    again = recorder.batch([sample(probe="b"), sample("shop")])
    assert again.block.numbers.series.tolist() == [8, -1]
    assert again.services == ["century/probes-0", "shop"]
    assert again.owners is not None and again.owners[0].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (sample(value=math.nan), "a value must be a finite number"),
        (sample(metric="m" * 256), "a metric's name may have 255 characters"),
        (sample(probe="x" * 1025), "an attribute's value may have 1024 characters"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_the_rest_is_kept(wrong: Sample, sentence: str) -> None:
    batch = Recorder().batch([wrong, sample()])
    assert batch.block.points == 1
    assert sentence in batch.refusals.sentence()


async def test_samples_are_stored_and_their_service_is_shown_to_nobody(world: World) -> None:
    telemetry = Telemetry(world.settings, world.works)
    await telemetry.start()
    batch = Recorder().batch([sample(), sample("shop", 2.0)])
    async with world.bus.subscribe("telemetry.stored") as heard:
        await keep(telemetry.registry, telemetry.committer, INTERNAL, batch, os.urandom(32), START)
        assert b'"shop"' in (await anext(heard)).data
    assert [each.name for each in await load.services(world.works)] == ["shop"]
    assert set(telemetry.registry.services) == {"century/probes-0", "shop"}
    await telemetry.stop()


async def test_a_bound_refuses_what_is_over_it(world: World) -> None:
    telemetry = Telemetry(world.settings, world.works)
    await telemetry.start()
    batch = Recorder().batch([sample(probe=str(UUID(int=number))) for number in range(3)])
    refusals = await keep(telemetry.registry, telemetry.committer, INTERNAL, batch, os.urandom(32), START, bound=2)
    assert refusals.total == 1
    assert "a key may have 2 active series" in refusals.sentence()
    await telemetry.stop()


def test_nobody_else_may_send_under_a_name_of_ours() -> None:
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource

    resource = Resource()
    named = resource.attributes.add()
    named.key, named.value.string_value = "service.name", "century/probes-0"
    with pytest.raises(Refused, match="the installation's own"):
        source(resource.SerializeToString())
