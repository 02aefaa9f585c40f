"""The files for a Prometheus beside us: it takes them, and its alerts open when they should."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = (DEPLOY / "prometheus-rules.yml").read_text()
ALERTS = re.findall(r"- alert: (\w+)", RULES)
DUE = 'century_queue_oldest_seconds{queue="%s"}'

pytestmark = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")


def promtool(*said: str) -> str:
    ran = subprocess.run(["promtool", *said], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_a_prometheus_takes_them(tmp_path: Path) -> None:
    for name in ("prometheus.yml", "prometheus-rules.yml"):
        shutil.copy(DEPLOY / name, tmp_path)
    (tmp_path / "century.key").write_text("a key")
    assert "SUCCESS" in promtool("check", "config", "--lint-fatal", str(tmp_path / "prometheus.yml"))
    assert f"{len(ALERTS)} rules found" in promtool(
        "check", "rules", "--lint-fatal", str(tmp_path / "prometheus-rules.yml")
    )


WELL = {
    'up{job="century"}': "1x60",
    'century_up{part="database"}': "1x60",
    'century_up{part="worker"}': "1x60",
    "century_worker_cycle_timestamp_seconds": "0+60x60",
    DUE % "notifications": "0x60",
    DUE % "probes": "0x60",
    'century_deliveries_total{kind="slack",outcome="delivered"}': "0+1x60",
    'century_deliveries_total{kind="slack",outcome="refused"}': "0+0.2x60",
    'century_probe_worker_connected{host="one"}': "1x60",
    "century_ingest_refused_total": "7x60",
    "century_rules_failing": "0x60",
}
ILL = {
    "CenturyDown": ('up{job="century"}', "1x10 0x50"),
    "CenturyPartDown": ('century_up{part="database"}', "1x10 0x50"),
    "CenturyWorkerStalled": ("century_worker_cycle_timestamp_seconds", "0+60x10 600x50"),
    "CenturyNotificationsLate": (DUE % "notifications", "0x10 0+60x50"),
    "CenturyDeliveriesFailing": ('century_deliveries_total{kind="slack",outcome="refused"}', "0x10 0+2x50"),
    "CenturyProbesLate": (DUE % "probes", "0x10 0+60x50"),
    "CenturyBlind": ('century_probe_worker_connected{host="one"}', "1x10 0x50"),
    "CenturyIngestRefused": ("century_ingest_refused_total", "0x10 0+5x50"),
    "CenturyRulesFailing": ("century_rules_failing", "0x10 1x50"),
}


def series(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"series": name, "values": value} for name, value in values.items()]


def firing(tmp_path: Path, values: dict[str, str], alert: str, fires: bool) -> None:
    """Ask promtool whether this alert, and no other, fires after half an hour of these values."""
    query = [{"expr": "count by (alertname) (ALERTS{alertstate='firing'})", "eval_time": "30m"}]
    expected = [{"labels": f'{{alertname="{alert}"}}', "value": 1}] if fires else []
    tested = {
        "rule_files": [str(DEPLOY / "prometheus-rules.yml")],
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "1m",
                "input_series": series(values),
                "promql_expr_test": [{**query[0], "exp_samples": expected}],
            }
        ],
    }
    # JSON is YAML as well.
    (tmp_path / "tested.yml").write_text(json.dumps(tested))
    promtool("test", "rules", str(tmp_path / "tested.yml"))


def test_no_alert_is_missing_here() -> None:
    assert set(ALERTS) == set(ILL)


@pytest.mark.parametrize("alert", ILL)
def test_an_alert_fires_alone(tmp_path: Path, alert: str) -> None:
    name, values = ILL[alert]
    firing(tmp_path, {**WELL, name: values}, alert, True)


def test_nothing_fires_while_all_is_well(tmp_path: Path) -> None:
    firing(tmp_path, WELL, "", False)


def test_a_century_that_is_not_scraped_at_all_is_down(tmp_path: Path) -> None:
    firing(tmp_path, {name: values for name, values in WELL.items() if not name.startswith("up")}, "CenturyDown", True)
