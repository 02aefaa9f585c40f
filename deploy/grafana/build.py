"""The dashboards for a Grafana beside us, built from code: `python deploy/grafana/build.py` writes `dashboards/`.

Some read what a Prometheus scrapes at `/metrics`, the others our GraphQL; another folder may be named.
"""

from __future__ import annotations

import sys
from pathlib import Path

import over_graphql
import over_prometheus
from grafana_foundation_sdk.cog.encoder import JSONEncoder

FOLDER = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "dashboards"
DASHBOARDS = over_prometheus.DASHBOARDS | over_graphql.DASHBOARDS

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, make in DASHBOARDS.items():
        (FOLDER / f"{name}.json").write_text(JSONEncoder(sort_keys=True, indent=2).encode(make().build()) + "\n")
        sys.stdout.write(f"{name}.json\n")
