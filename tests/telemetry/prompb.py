"""Prometheus' remote write messages, 1.0 and 2.0, by protobuf's own encoder."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cramjam
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

STALE = struct.unpack("<d", (0x7FF0000000000002).to_bytes(8, "little"))[0]
ONE = {"content-type": "application/x-protobuf", "content-encoding": "snappy"}
TWO = {"content-type": "application/x-protobuf;proto=io.prometheus.write.v2.Request", "content-encoding": "snappy"}

HISTOGRAM = (
    "1 count_int uint64", "2 count_float double", "3 sum double", "4 schema sint32", "5 zero_threshold double",
    "6 zero_count_int uint64", "7 zero_count_float double", "8 negative_spans *Span", "9 negative_deltas *sint64",
    "11 positive_spans *Span", "12 positive_deltas *sint64", "13 positive_counts *double", "14 reset_hint int32",
    "15 timestamp int64", "16 custom_values *double", "17 start_timestamp int64",
)  # fmt: skip
MESSAGES = {
    "Label": ("1 name string", "2 value string"),
    "Sample": ("1 value double", "2 timestamp int64", "3 start_timestamp int64"),
    "Span": ("1 offset sint32", "2 length uint32"),
    "Histogram": HISTOGRAM,
    "Exemplar": ("1 labels *Label", "2 value double", "3 timestamp int64"),
    "Series": ("1 labels *Label", "2 samples *Sample", "3 exemplars *Exemplar", "4 histograms *Histogram"),
    "Family": ("1 type int32", "2 metric_family_name string", "4 help string", "5 unit string"),
    "Request": ("1 timeseries *Series", "3 metadata *Family"),
    "Metadata": ("1 type int32", "3 help_ref uint32", "4 unit_ref uint32"),
    "Exemplar2": ("1 labels_refs *uint32", "2 value double", "3 timestamp int64"),
    "Series2": ("1 labels_refs *uint32", "2 samples *Sample", "3 histograms *Histogram", "4 exemplars *Exemplar2",
                "5 metadata Metadata", "6 created_timestamp int64"),
    "Request2": ("4 symbols *string", "5 timeseries *Series2"),
}  # fmt: skip


def _file() -> descriptor_pb2.FileDescriptorProto:
    made = descriptor_pb2.FileDescriptorProto(name="remote.proto", package="remote", syntax="proto3")
    for name, lines in MESSAGES.items():
        message = made.message_type.add(name=name)
        for line in lines:
            number, field_name, kind = line.split()
            field = message.field.add(name=field_name, number=int(number))
            repeated = kind.startswith("*")
            field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
            kind = kind.removeprefix("*")
            if kind in MESSAGES:
                field.type, field.type_name = field.TYPE_MESSAGE, f".remote.{kind}"
            else:
                field.type = getattr(field, f"TYPE_{kind.upper()}")
    return made


_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(_file())  # type: ignore[no-untyped-call]


def message(kind: str, **said: Any) -> Any:
    """A message of this kind."""
    found: Any = message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"remote.{kind}"))  # type: ignore[no-untyped-call]
    return found(**said)


def one(*series: tuple[Mapping[str, str], Sequence[tuple[float, int]]], **histograms: Any) -> bytes:
    """A request of 1.0: each series with its labels and its (value, milliseconds); histograms by metric."""
    request = message("Request")
    for labels, samples in series:
        made = request.timeseries.add()
        for name, value in labels.items():
            made.labels.add(name=name, value=value)
        for value, at in samples:
            made.samples.add(value=value, timestamp=at)
    for metric, histogram in histograms.items():
        made = request.timeseries.add()
        made.labels.add(name="__name__", value=metric)
        made.histograms.append(histogram)
    return bytes(request.SerializeToString())


def two(*series: tuple[Mapping[str, str], Sequence[tuple[float, int]]], created: int = 0, **histograms: Any) -> bytes:
    """The same as a request of 2.0; `created` is when its counters began."""
    symbols: dict[str, int] = {"": 0}
    request = message("Request2")

    def refs(labels: Mapping[str, str]) -> list[int]:
        return [symbols.setdefault(each, len(symbols)) for pair in labels.items() for each in pair]

    for labels, samples in series:
        made = request.timeseries.add(labels_refs=refs(labels), created_timestamp=created)
        made.metadata.type = 1
        for value, at in samples:
            made.samples.add(value=value, timestamp=at)
    for metric, histogram in histograms.items():
        request.timeseries.add(labels_refs=refs({"__name__": metric})).histograms.append(histogram)
    request.symbols.extend(symbols)
    return bytes(request.SerializeToString())


@dataclass(frozen=True)
class Told:
    """A series with all that it may hold: samples and exemplars at milliseconds, exemplars with their own labels."""

    labels: Mapping[str, str]
    samples: Sequence[tuple[float, int]] = ()
    exemplars: Sequence[tuple[Mapping[str, str], float, int]] = ()
    histograms: Sequence[Any] = ()


def told(version: int, *series: Told) -> bytes:
    """A request of 1.0 or 2.0 with metadata of every metric, as a Prometheus sends it along."""
    symbols: dict[str, int] = {"": 0}
    request = message("Request" if version == 1 else "Request2")

    def name(holder: Any, labels: Mapping[str, str]) -> None:
        if version == 1:
            for key, value in labels.items():
                holder.labels.add(name=key, value=value)
        else:
            holder.labels_refs.extend(
                symbols.setdefault(each, len(symbols)) for pair in labels.items() for each in pair
            )

    for each in series:
        made = request.timeseries.add(histograms=each.histograms)
        name(made, each.labels)
        for value, at in each.samples:
            made.samples.add(value=value, timestamp=at)
        for labels, value, at in each.exemplars:
            name(made.exemplars.add(value=value, timestamp=at), labels)
        if version == 1:
            request.metadata.add(type=1, metric_family_name=each.labels["__name__"], help="what it is", unit="s")
        else:
            made.metadata.type = 1
            made.metadata.help_ref = symbols.setdefault("what it is", len(symbols))
    if version == 2:
        request.symbols.extend(symbols)
    return bytes(request.SerializeToString())


def packed(body: bytes) -> bytes:
    """As it goes over the wire."""
    return bytes(cramjam.snappy.compress_raw(body))
