"""The dashboards that read what a Prometheus scrapes at `/metrics`.

Which one is a variable of each dashboard, so that a file can be imported as it is.
"""

from __future__ import annotations

from collections.abc import Callable

import parts
from grafana_foundation_sdk.builders import common, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.builders import prometheus as prom
from grafana_foundation_sdk.models.common import BigValueColorMode, BigValueTextMode, GraphGradientMode, VisibilityMode
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    FieldColorModeId,
    ValueMap,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from parts import GREEN, GREY, HALF, QUARTER, RED, THIRD, WIDE, YELLOW, thresholds, words

SOURCE = DataSourceRef(type_val="prometheus", uid="${source}")


def dashboard(uid: str, title: str, description: str) -> board.Dashboard:
    """An empty dashboard that asks which Prometheus it reads."""
    source = board.DatasourceVariable("source").label("Prometheus").type("prometheus")
    return parts.dashboard(uid, title, description, source)


def choice(name: str, label: str, metric: str, of: str = "") -> board.QueryVariable:
    """A variable that offers every value of a label of a metric."""
    return (
        board.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(f"label_values({metric}, {of or name})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
    )


def query(expr: str, legend: str = "", *, instant: bool = False, as_table: bool = False) -> prom.Dataquery:
    """What a panel asks."""
    asked = prom.Dataquery().datasource(SOURCE).expr(expr).legend_format(legend or "__auto")
    if as_table:
        asked = asked.format(PromQueryFormat.TABLE)
    return asked.instant() if instant else asked.range()


UP_OR_DOWN = words(_0=("down", RED), _1=("up", GREEN))
HEALTH = words(_0=("silent", GREY), _1=("unhealthy", RED), _2=("degraded", YELLOW), _3=("healthy", GREEN))


def figure(title: str, expr: str, unit: str = "short", *, steps: tuple[tuple[float | None, str], ...] = ((None, GREEN),),
           mappings: list[ValueMap] | None = None, says: str = "", width: int = QUARTER, legend: str = "") -> stat.Panel:  # fmt: skip
    """One number, coloured."""
    panel = (
        stat.Panel()
        .title(title)
        .description(says)
        .datasource(SOURCE)
        .unit(unit)
        .thresholds(thresholds(*steps))
        .color_mode(BigValueColorMode.BACKGROUND)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .text_mode(BigValueTextMode.VALUE_AND_NAME if legend else BigValueTextMode.VALUE)
        .height(4)
        .span(width)
        .with_target(query(expr, legend, instant=True))
    )
    return panel.mappings(mappings) if mappings else panel


def chart(title: str, *asked: tuple[str, str], unit: str = "short", says: str = "", width: int = HALF,
          most: float | None = None) -> timeseries.Panel:  # fmt: skip
    """Lines over time, each (expression, legend)."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(says)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .line_width(2)
        .fill_opacity(8)
        .gradient_mode(GraphGradientMode.OPACITY)
        .show_points(VisibilityMode.NEVER)
        .legend(common.VizLegendOptions().show_legend(True))
        .height(8)
        .span(width)
    )
    if most is not None:
        panel = panel.max(most)
    for expr, legend in asked:
        panel = panel.with_target(query(expr, legend))
    return panel


def states(title: str, expr: str, legend: str, mappings: list[ValueMap], *, says: str = "", width: int = WIDE,
           height: int = 8) -> statetimeline.Panel:  # fmt: skip
    """Bars of state over time."""
    return (
        statetimeline.Panel()
        .title(title)
        .description(says)
        .datasource(SOURCE)
        .mappings(mappings)
        .color_scheme(board.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .thresholds(thresholds((None, RED), (1, GREEN)))
        .height(height)
        .span(width)
        .with_target(query(expr, legend))
    )


def listing(
    title: str, expr: str, unit: str = "short", *, says: str = "", width: int = HALF, height: int = 8
) -> table.Panel:
    """The series of an expression as they are now, one a row."""
    return (
        table.Panel()
        .title(title)
        .description(says)
        .datasource(SOURCE)
        .unit(unit)
        .height(height)
        .span(width)
        .with_target(query(expr, instant=True, as_table=True))
    )


def overview() -> board.Dashboard:
    """What anybody wants to know first."""
    return (
        dashboard("overview", "Century: overview", "How everything is that Century watches.")
        .with_panel(figure("Critical alerts", 'sum(century_alerts{state!="pending",severity="critical"})', steps=((None, GREEN), (1, RED))))
        .with_panel(figure("Unanswered alerts", 'sum(century_alerts{state="firing"})', steps=((None, GREEN), (1, YELLOW)),
                           says="Nobody has acknowledged these yet."))
        .with_panel(figure("Probes down", "count(century_probe_up == 0) or vector(0)", steps=((None, GREEN), (1, RED))))
        .with_panel(figure("Services not healthy", "count(century_service_health < 3) or vector(0)", steps=((None, GREEN), (1, YELLOW))))
        .with_panel(states("Services", "century_service_health", "{{service}}", HEALTH))
        .with_panel(chart("Requests that fail", ("century_service_error_ratio", "{{service}}"), unit="percentunit"))
        .with_panel(chart("Response time, 95th percentile", ('century_service_latency_seconds{quantile="0.95"}', "{{service}}"), unit="s"))
        .with_panel(states("Probes that were down", "century_probe_up < 1 or century_probe_up", "{{probe}}", UP_OR_DOWN))
    )  # fmt: skip


def services() -> board.Dashboard:
    """One service, or several beside each other."""
    chosen = '{service=~"$service"}'
    return (
        dashboard("services", "Century: services", "How services answer, from their last five minutes at each moment.")
        .with_variable(choice("service", "Service", "century_service_health"))
        .with_panel(states("Health", f"century_service_health{chosen}", "{{service}}", HEALTH, height=6))
        .with_panel(chart("Requests that fail", (f"century_service_error_ratio{chosen}", "{{service}}"), unit="percentunit"))
        .with_panel(chart("Median response time", ('century_service_latency_seconds{service=~"$service",quantile="0.5"}', "{{service}}"), unit="s"))
        .with_panel(chart("Response time, 95th percentile", ('century_service_latency_seconds{service=~"$service",quantile="0.95"}', "{{service}}"), unit="s"))
        .with_panel(chart("Response time, 99th percentile", ('century_service_latency_seconds{service=~"$service",quantile="0.99"}', "{{service}}"), unit="s"))
        .with_panel(states("What is asked of them from outside", f"century_probe_up{chosen}", "{{service}}: {{probe}}", UP_OR_DOWN))
    )  # fmt: skip


def infrastructure() -> board.Dashboard:
    """What is asked from outside, and what reports by itself."""
    chosen = '{kind=~"$kind",probe=~"$probe"}'
    facts = 'century_probe_fact{probe=~"$probe",name=~"%s"}'
    return (
        dashboard("infrastructure", "Century: infrastructure", "Probes, their facts, and heartbeats.")
        .with_variable(choice("kind", "Kind", "century_probe_up"))
        .with_variable(choice("probe", "Probe", 'century_probe_up{kind=~"$kind"}'))
        .with_panel(states("Probes", f"century_probe_up{chosen}", "{{probe}}", UP_OR_DOWN, height=10))
        .with_panel(chart("Latency", (f"century_probe_latency_seconds{chosen}", "{{probe}}"), unit="s"))
        .with_panel(chart("Certificates: days left", (facts % "tls.days_left", "{{probe}}"), unit="d"))
        .with_panel(chart("PostgreSQL: connections in use", (facts % "database.connections_share", "{{probe}}"), unit="percentunit", most=1))
        .with_panel(chart("PostgreSQL: slow queries", (facts % "database.slow_queries", "{{probe}}")))
        .with_panel(chart("PostgreSQL: cache hits", (facts % "database.cache_hit_share", "{{probe}}"), unit="percentunit", most=1))
        .with_panel(chart("PostgreSQL: replication lag", (facts % "database.replication_lag", "{{probe}} {{part}}"), unit="s"))
        .with_panel(chart("Redis: memory in use", (facts % "redis.memory_used", "{{probe}}"), unit="bytes"))
        .with_panel(chart("Redis: evictions a second", (facts % "redis.evictions", "{{probe}}"), unit="ops"))
        .with_panel(chart("Machines: CPU and memory", (facts % "host.(cpu_share|memory_used_share)", "{{probe}} {{name}}"), unit="percentunit", most=1))
        .with_panel(chart("Machines: disks", (facts % "host.disk_used_share", "{{probe}} {{part}}"), unit="percentunit", most=1))
        .with_panel(chart("APIs: quota left", (facts % "api.quota_left_share", "{{probe}} {{part}}"), unit="percentunit", most=1))
        .with_panel(listing("Every fact as it is now", 'century_probe_fact{probe=~"$probe"}'))
        .with_panel(states("Heartbeats", "century_heartbeat_up", "{{heartbeat}}", words(_0=("missing", RED), _1=("on time", GREEN))))
    )  # fmt: skip


def alerts() -> board.Dashboard:
    """What is wrong, how long people are kept waiting, and whether messages arrive."""
    return (
        dashboard("alerts", "Century: alerts", "Alerts that are open, and whether people hear of them.")
        .with_panel(figure("Critical", 'sum(century_alerts{state!="pending",severity="critical"})', steps=((None, GREEN), (1, RED)), width=THIRD))
        .with_panel(figure("Warnings", 'sum(century_alerts{state!="pending",severity="warning"})', steps=((None, GREEN), (1, YELLOW)), width=THIRD))
        .with_panel(figure("Acknowledged", 'sum(century_alerts{state="acknowledged"})', width=THIRD))
        .with_panel(chart("Open alerts", ("sum by (severity) (century_alerts{state=~\"firing|acknowledged\"})", "{{severity}}")))
        .with_panel(chart("By state", ("sum by (state) (century_alerts)", "{{state}}")))
        .with_panel(chart("Messages sent", ("sum by (kind, outcome) (rate(century_deliveries_total[$__rate_interval]))", "{{kind}} {{outcome}}"), unit="ops"))
        .with_panel(chart("Messages due for", ('century_queue_oldest_seconds{queue=~"notifications|ladder"}', "{{queue}}"), unit="s"))
        .with_panel(chart("Verdicts that changed", ("sum(rate(century_verdicts_total[$__rate_interval]))", "verdicts"), unit="ops"))
        .with_panel(chart("Rules that cannot be evaluated", ("century_rules_failing", "rules")))
    )  # fmt: skip


def itself() -> board.Dashboard:
    """Who watches the watcher."""
    rate = "sum by (process) (rate({}[$__rate_interval]))"
    share = "histogram_quantile({}, sum by (le) (rate({}_bucket[$__rate_interval])))"
    return (
        dashboard("itself", "Century: itself", "How Century does: every process, queue and second of delay.")
        .with_panel(figure("Parts", "century_up", mappings=UP_OR_DOWN, steps=((None, RED), (1, GREEN)), legend="{{part}}", width=HALF))
        .with_panel(figure("Since a worker said so", "time() - century_worker_cycle_timestamp_seconds", "s", steps=((None, GREEN), (15, RED))))
        .with_panel(figure("Version", "century_build_info", legend="{{version}}").text_mode(BigValueTextMode.NAME))
        .with_panel(chart("Data points stored", (rate.format("century_ingest_points_total"), "{{process}}"), unit="ops"))
        .with_panel(chart("Data points refused", (rate.format("century_ingest_refused_total"), "{{process}}"), unit="ops"))
        .with_panel(chart("To the disk", (share.format(0.5, "century_ingest_commit_seconds"), "half of them"), (share.format(0.99, "century_ingest_commit_seconds"), "99 of 100"), unit="s"))
        .with_panel(chart("Waiting for the disk", ("century_ingest_waiting_bytes", "{{process}}"), unit="bytes"))
        .with_panel(chart("A look at the rules", (share.format(0.5, "century_evaluation_seconds"), "half of them"), (share.format(0.99, "century_evaluation_seconds"), "99 of 100"), unit="s"))
        .with_panel(chart("Due and not begun", ("century_queue_waiting", "{{queue}}")))
        .with_panel(chart("Due for", ("century_queue_oldest_seconds", "{{queue}}"), unit="s"))
        .with_panel(chart("Checks", ("sum by (outcome) (rate(century_probe_checks_total[$__rate_interval]))", "{{outcome}}"), unit="ops"))
        .with_panel(chart("Checks begin late by", (share.format(0.5, "century_probe_lateness_seconds"), "half of them"), (share.format(0.99, "century_probe_lateness_seconds"), "99 of 100"), unit="s"))
        .with_panel(chart("Workers with a network", ("century_probe_worker_connected", "{{host}}"), most=1))
        .with_panel(chart("Open websockets", ("century_sockets", "{{process}}")))
        .with_panel(chart("Figures and series left out", ("century_figures_failed", "{{figures}}"), ("century_series_left_out", "series")))
    )  # fmt: skip


DASHBOARDS: dict[str, Callable[[], board.Dashboard]] = {
    "overview": overview,
    "services": services,
    "infrastructure": infrastructure,
    "alerts": alerts,
    "century-itself": itself,
}
