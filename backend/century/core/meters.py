"""What a process counts of its own doing: `/metrics` shows it, with what the other processes counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LATE = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
BORN = "_created"


class Meters:
    """One a process, on its `Works`; names are those of `/metrics`."""

    def __init__(self) -> None:
        self._registry = own = CollectorRegistry(auto_describe=False)
        self.ingest_points = Counter("century_ingest_points", "Data points stored.", registry=own)
        self.ingest_refused = Counter("century_ingest_refused", "Data points refused.", registry=own)
        self.ingest_commit = Histogram(
            "century_ingest_commit_seconds", "How long telemetry takes to the disk.", registry=own, buckets=QUICK
        )
        self.ingest_waiting = Gauge("century_ingest_waiting_bytes", "Telemetry that waits for the disk.", registry=own)
        self.evaluation = Histogram(
            "century_evaluation_seconds", "How long a look at the rules takes.", registry=own, buckets=QUICK
        )
        self.verdicts = Counter("century_verdicts", "Verdicts that changed.", registry=own)
        self.deliveries = Counter(
            "century_deliveries", "Messages sent, by what became of the try.", ("kind", "outcome"), registry=own
        )
        self.sockets = Gauge("century_sockets", "Open websockets.", registry=own)
        self.probe_checks = Counter(
            "century_probe_checks", "Checks made, by what they found.", ("kind", "outcome"), registry=own
        )
        self.probe_lateness = Histogram(
            "century_probe_lateness_seconds", "How long after they were due checks began.", registry=own, buckets=LATE
        )

    def sockets_are(self, count: Callable[[], int]) -> None:
        """Where the number of open sockets is asked for."""
        self.sockets.set_function(lambda: float(count()))

    def snapshot(self) -> list[dict[str, Any]]:
        """Everything counted so far, as JSON: families of {name, help, kind, samples: [name, labels, value]}."""
        return [
            {
                "name": family.name,
                "help": family.documentation,
                "kind": family.type,
                "samples": [
                    [each.name, dict(each.labels), each.value]
                    for each in family.samples
                    if not each.name.endswith(BORN)
                ],
            }
            for family in self._registry.collect()
        ]
