"""The dashboards that read our GraphQL, without a Prometheus: what they show is what the console shows."""

from __future__ import annotations

from collections.abc import Callable

import parts
from asking import AT, PLUGIN, RANGE, SOURCE, Asked, Column
from grafana_foundation_sdk.builders import common, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.models.common import BigValueColorMode, BigValueTextMode, GraphGradientMode, VisibilityMode
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    FieldColorModeId,
    ValueMap,
    VariableRefresh,
    VariableSort,
)
from parts import GREEN, GREY, HALF, QUARTER, RED, WIDE, YELLOW, thresholds, words

Steps = tuple[tuple[float | None, str], ...]
NONE_IS_WELL: Steps = ((None, GREEN), (1, RED))
UP_OR_DOWN = words(_0=("down", RED), _1=("up", GREEN))
STATES = {
    "State": words(
        UP=("up", GREEN), DOUBTFUL=("doubtful", YELLOW), DOWN=("down", RED), BLOCKED=("blocked", YELLOW),
        UNKNOWN=("unknown", GREY), PAUSED=("paused", GREY), NEW=("new", GREY), RUNNING=("running", GREEN),
        LATE=("late", RED), FAILED=("failed", RED), OVERDUE=("overdue", RED),
    ),
    "Health": words(HEALTHY=("healthy", GREEN), DEGRADED=("degraded", YELLOW), UNHEALTHY=("unhealthy", RED), SILENT=("silent", GREY)),
    "Severity": words(CRITICAL=("critical", RED), WARNING=("warning", YELLOW), INFO=("info", GREEN)),
    "Stands": words(FIRING=("firing", RED), ACKNOWLEDGED=("acknowledged", YELLOW)),
    "Connected": words(true=("yes", GREEN), false=("no", RED)),
}  # fmt: skip
SHARE, SECONDS, DAYS, RATE = "percentunit", "s", "d", "reqps"


def dashboard(uid: str, title: str, description: str) -> board.Dashboard:
    """An empty dashboard that asks by which data source it reaches us."""
    return parts.dashboard(uid, title, description, board.DatasourceVariable("century").label("Century").type(PLUGIN))


def choice(name: str, label: str, asked: Asked) -> board.QueryVariable:
    """A variable that offers what an operation answers, one value at a time."""
    return (
        board.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(asked.as_variable())
        .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )


def figure(title: str, asked: Asked, unit: str = "short", *, steps: Steps = ((None, GREEN),), says: str = "", width: int = QUARTER,
           named: bool = False) -> stat.Panel:  # fmt: skip
    """A number for each column, coloured."""
    return (
        stat.Panel()
        .title(title)
        .description(says)
        .datasource(SOURCE)
        .unit(unit)
        .thresholds(thresholds(*steps))
        .color_mode(BigValueColorMode.BACKGROUND)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .text_mode(BigValueTextMode.VALUE_AND_NAME if named else BigValueTextMode.VALUE)
        .height(4)
        .span(width)
        .with_target(asked)
    )


def chart(title: str, asked: Asked, unit: str = "short", *, legend: str = "", says: str = "", width: int = HALF,
          most: float | None = None) -> timeseries.Panel:  # fmt: skip
    """Lines over time; a text column tells them apart and is their legend."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(says)
        .datasource(SOURCE)
        .unit(unit)
        .line_width(2)
        .fill_opacity(8)
        .gradient_mode(GraphGradientMode.OPACITY)
        .show_points(VisibilityMode.AUTO)
        .legend(common.VizLegendOptions().show_legend(True))
        .height(8)
        .span(width)
        .with_target(asked)
    )
    if legend:
        panel = panel.display_name(f"${{__field.labels.{legend}}}")
    return panel if most is None else panel.min(0).max(most)


def states(
    title: str, asked: Asked, legend: str, mappings: list[ValueMap], *, says: str = "", height: int = 10
) -> statetimeline.Panel:
    """Bars of state over time."""
    return (
        statetimeline.Panel()
        .title(title)
        .description(says)
        .datasource(SOURCE)
        .mappings(mappings)
        .color_scheme(board.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .thresholds(thresholds((None, RED), (1, GREEN)))
        .display_name(f"${{__field.labels.{legend}}}")
        .height(height)
        .span(WIDE)
        .with_target(asked)
    )


def listing(
    title: str, asked: Asked, units: dict[str, str] | None = None, *, says: str = "", width: int = WIDE, height: int = 8
) -> table.Panel:
    """Rows; columns that name a state are coloured by it, others have units."""
    panel = (
        table.Panel().title(title).description(says).datasource(SOURCE).height(height).span(width).with_target(asked)
    )
    for name, mappings in STATES.items():
        if any(each["text"] == name for each in asked.said["columns"]):
            coloured = DynamicConfigValue("custom.cellOptions", {"type": "color-background"})
            panel = panel.override_by_name(name, [DynamicConfigValue("mappings", mappings), coloured])
    for name, unit in (units or {}).items():
        panel = panel.override_by_name(name, [DynamicConfigValue("unit", unit)])
    return panel


def of_services(column: str) -> Asked:
    """A column of every service's timeline."""
    return Asked(
        "query ServicesOverTime($range: TimeRange!) { services { name performance(range: $range) {"
        f" timeline(maxPoints: 300) {{ at {column} }} }} }} }}",
        f"[.data.services[] | {{service: .name}} + (.performance.timeline | [.at, .{column}] | transpose[]"
        " | {at: .[0], value: .[1]})] | sort_by(.at)",
        AT, Column("service", "service"), Column("value", "value", "number"),
        variables=[RANGE], over_time=True,
    )  # fmt: skip


def of_the_service(**columns: str) -> Asked:
    """Columns of the chosen service's timeline, by their legends."""
    names = list(columns.values())
    return Asked(
        "query ServiceOverTime($name: String!, $range: TimeRange!) { service(name: $name) { performance(range: $range) {"
        f" timeline(maxPoints: 300) {{ at {' '.join(names)} }} }} }} }}",
        f"[.data.service.performance.timeline | [.at, {', '.join(f'.{each}' for each in names)}] | transpose[] | {{at: .[0], "
        + ", ".join(f"{each}: .[{place}]" for place, each in enumerate(names, 1)) + "}]",
        AT, *(Column(name, legend.replace("_", " "), "number") for legend, name in columns.items()),
        variables=['"name": ${service:doublequote}', RANGE], over_time=True,
    )  # fmt: skip


def open_alerts() -> Asked:
    """What is wrong now, the worst first."""
    return Asked(
        "query OpenAlerts { alerts(filter: {states: [FIRING, ACKNOWLEDGED]}, first: 50) { nodes { severity state ruleName subject"
        " summary openedAt responseDueAt acknowledgedBy { name } } } }",
        ".data.alerts.nodes[] | {severity, state, ruleName, subject, summary, openedAt, responseDueAt, answered: .acknowledgedBy.name}",
        Column("severity", "Severity"), Column("state", "Stands"), Column("ruleName", "Rule"), Column("subject", "Of"),
        Column("summary", "What"), Column("openedAt", "Since", "timestamp"), Column("responseDueAt", "Answer due", "timestamp"),
        Column("answered", "Answered by"),
    )  # fmt: skip


def how_many(severity: str) -> Asked:
    """The open alerts of a severity."""
    return Asked(
        f"query OpenOf {{ alerts(filter: {{states: [FIRING, ACKNOWLEDGED], severities: [{severity}]}}, first: 1) {{ totalCount }} }}",
        ".data.alerts | {count: .totalCount}",
        Column("count", "count", "number"),
    )


def services() -> board.Dashboard:
    """Every service, then one."""
    now = Asked(
        "query Services($range: TimeRange!) { services { name health lastSeenAt openAlerts { critical warning } performance(range: $range)"
        " { requestCount throughput errorRate availability apdex latency { p50 p95 } } } }",
        ".data.services[] | {name, health, lastSeenAt, critical: .openAlerts.critical, warning: .openAlerts.warning} + (.performance"
        " | {requestCount, throughput, errorRate, availability, apdex, p50: .latency.p50, p95: .latency.p95})",
        Column("name", "Service"), Column("health", "Health"), Column("critical", "Critical alerts", "number"),
        Column("warning", "Warnings", "number"), Column("requestCount", "Requests", "number"),
        Column("throughput", "A second", "number"), Column("errorRate", "Fail", "number"),
        Column("availability", "Available", "number"), Column("apdex", "Apdex", "number"), Column("p50", "Median", "number"),
        Column("p95", "95th percentile", "number"), Column("lastSeenAt", "Last heard of", "timestamp"),
        variables=[RANGE],
    )  # fmt: skip
    unwell = Asked(
        "query Unwell { services { health } }",
        '{count: [.data.services[] | select(.health != "HEALTHY")] | length}',
        Column("count", "count", "number"),
    )
    routes = Asked(
        "query Routes($name: String!, $range: TimeRange!) { service(name: $name) { performance(range: $range) { routes(first: 20,"
        " orderBy: LATENCY_P95) { nodes { method route requestCount throughput errorRate latency { p50 p95 p99 } } } } } }",
        ".data.service.performance.routes.nodes[] | {route: (.method + \" \" + .route), requestCount, throughput, errorRate,"
        " p50: .latency.p50, p95: .latency.p95, p99: .latency.p99}",
        Column("route", "Route"), Column("requestCount", "Requests", "number"), Column("throughput", "A second", "number"),
        Column("errorRate", "Fail", "number"), Column("p50", "Median", "number"), Column("p95", "95th percentile", "number"),
        Column("p99", "99th percentile", "number"),
        variables=['"name": ${service:doublequote}', RANGE],
    )  # fmt: skip
    deployments = Asked(
        "query Deployments($name: String!, $range: TimeRange!) { service(name: $name) { deployments(range: $range) { at version url } } }",
        ".data.service.deployments[] | {at, version, url}",
        Column("at", "At", "timestamp"), Column("version", "Version"), Column("url", "Where"),
        variables=['"name": ${service:doublequote}', RANGE],
    )  # fmt: skip
    chosen = Asked(
        "query ServiceNames { services { name } }",
        ".data.services[] | {name}",
        Column("name", "__text"),
        Column("name", "__value"),
    )
    latency = {
        "Median": SECONDS,
        "95th percentile": SECONDS,
        "99th percentile": SECONDS,
        "Fail": SHARE,
        "A second": RATE,
    }
    return (
        dashboard("graphql-services", "Century: services (GraphQL)", "How services answer and what is wrong, read from Century itself.")
        .with_variable(choice("service", "Service", chosen))
        .with_panel(figure("Critical alerts", how_many("CRITICAL"), steps=NONE_IS_WELL))
        .with_panel(figure("Warnings", how_many("WARNING"), steps=((None, GREEN), (1, YELLOW))))
        .with_panel(figure("Services not healthy", unwell, steps=((None, GREEN), (1, YELLOW)), width=HALF))
        .with_panel(listing("Services", now, {**latency, "Available": SHARE}, says="In the range that is shown; health is that of the last five minutes."))
        .with_panel(chart("Requests that fail", of_services("errorRate"), SHARE, legend="service"))
        .with_panel(chart("Response time, 95th percentile", of_services("latencyP95"), SECONDS, legend="service"))
        .with_panel(chart("Requests a second", of_services("throughput"), RATE, legend="service"))
        .with_panel(chart("Available", of_services("availability"), SHARE, legend="service", says="Minutes in which fewer than half of the requests failed."))
        .with_panel(listing("Open alerts", open_alerts()))
        .with_row(board.Row("$service"))
        .with_panel(chart("Response time of $service", of_the_service(average="latencyAvg", median="latencyP50", _95th_percentile="latencyP95", _99th_percentile="latencyP99"), SECONDS))
        .with_panel(chart("Requests a second to $service", of_the_service(requests="throughput"), RATE))
        .with_panel(chart("Requests to $service that fail", of_the_service(failing="errorRate"), SHARE))
        .with_panel(chart("CPU and memory of $service", of_the_service(CPU="cpuUtilization", memory="memoryUtilization"), SHARE, most=1))
        .with_panel(listing("Routes of $service", routes, latency, width=16))
        .with_panel(listing("Deployments of $service", deployments, width=8))
    )  # fmt: skip


def infrastructure() -> board.Dashboard:
    """Every probe and heartbeat, then one probe with all that it tells."""
    down = Asked(
        "query Down { probes(filter: {states: [DOWN]}) { id } }",
        "{count: .data.probes | length}",
        Column("count", "count", "number"),
    )
    missing = Asked(
        "query Missing { heartbeats { state } }",
        '{count: [.data.heartbeats[].state | select(. == "LATE" or . == "FAILED" or . == "OVERDUE")] | length}',
        Column("count", "count", "number"),
    )
    probes = Asked(
        "query Probes($range: TimeRange!) { probes { name kind target service state since reason lastCheck { at latency }"
        " uptime(range: $range) } }",
        ".data.probes[] | {name, kind, target, service, state, since, reason, uptime, asked: .lastCheck.at, latency: .lastCheck.latency}",
        Column("name", "Probe"), Column("state", "State"), Column("since", "Since", "timestamp"), Column("latency", "Latency", "number"),
        Column("uptime", "Up", "number"), Column("reason", "Why"), Column("kind", "Kind"), Column("target", "Asked"),
        Column("service", "Service"), Column("asked", "Last asked", "timestamp"),
        variables=[RANGE],
    )  # fmt: skip
    beats = (
        "query {name} {{ probes {{ name beats(last: 60) {{ at {column} }} }} }}",
        "[.data.probes[] | {{probe: .name}} + (.beats | [.at, .{column}] | transpose[] | {{at: .[0], value: .[1]}})] | sort_by(.at)",
    )
    columns = AT, Column("probe", "probe"), Column("value", "value", "number")
    up = Asked(*(each.format(name="Up", column="up") for each in beats), *columns, over_time=True)
    latency = Asked(*(each.format(name="Latency", column="latency") for each in beats), *columns, over_time=True)
    certificates = Asked(
        "query Certificates { probes { name target lastCheck { facts { name value } } } }",
        '[.data.probes[] | {name, target, days: (.lastCheck.facts // [] | map(select(.name == "tls.days_left"))[0].value)}'
        " | select(.days != null)] | sort_by(.days)",
        Column("name", "Probe"), Column("target", "Asked"), Column("days", "Days left", "number"),
    )  # fmt: skip
    heartbeats = Asked(
        "query Heartbeats($range: TimeRange!) { heartbeats { name schedule state since lastPingAt expectedBy lastDuration"
        " uptime(range: $range) } }",
        ".data.heartbeats[] | {name, schedule, state, since, lastPingAt, expectedBy, lastDuration, uptime}",
        Column("name", "Heartbeat"), Column("state", "State"), Column("since", "Since", "timestamp"), Column("schedule", "Expected"),
        Column("lastPingAt", "Last heard of", "timestamp"), Column("expectedBy", "Expected by", "timestamp"),
        Column("lastDuration", "Took", "number"), Column("uptime", "On time", "number"),
        variables=[RANGE],
    )  # fmt: skip
    workers = Asked(
        "query Workers { probeWorkers { host connected seenAt checksPerSecond lateness } }",
        ".data.probeWorkers[] | {host, connected: (.connected | tostring), seenAt, checksPerSecond, lateness}",
        Column("host", "Worker"), Column("connected", "Connected"), Column("seenAt", "Last seen", "timestamp"),
        Column("checksPerSecond", "Checks a second", "number"), Column("lateness", "Late by", "number"),
    )  # fmt: skip
    one = '"id": ${probe:doublequote}'
    uptimes = Asked(
        "query Uptimes($id: ID!) { probe(id: $id) { uptimes { hour day week month } } }",
        ".data.probe.uptimes",
        Column("hour", "1 hour", "number"), Column("day", "24 hours", "number"), Column("week", "7 days", "number"),
        Column("month", "30 days", "number"),
        variables=[one],
    )  # fmt: skip
    changes = Asked(
        "query Changes($id: ID!, $range: TimeRange!) { probe(id: $id) { changes(range: $range, first: 50) { nodes { at until state reason } } } }",
        ".data.probe.changes.nodes[] | {at, until, state, reason}",
        Column("at", "At", "timestamp"), Column("until", "Until", "timestamp"), Column("state", "State"), Column("reason", "Why"),
        variables=[one, RANGE],
    )  # fmt: skip
    fact = Asked(
        "query Fact($id: ID!, $name: String!, $range: TimeRange!) { probe(id: $id) { name fact(name: $name, range: $range)"
        " { series { attributes { value } at values } } } }",
        # A fact without parts is told apart by nothing: its probe's name stands there.
        '[.data.probe | .name as $whole | .fact.series[] | {part: ([.attributes[].value] | join(" ") | if . == "" then $whole else . end)}'
        " + ([.at, .values] | transpose[] | {at: .[0], value: .[1]})] | sort_by(.at)",
        AT, Column("part", "part"), Column("value", "value", "number"),
        variables=[one, '"name": ${fact:doublequote}', RANGE], over_time=True,
    )  # fmt: skip
    names = Asked(
        "query ProbeNames { probes { id name } }",
        ".data.probes[] | {id, name}",
        Column("name", "__text"),
        Column("id", "__value"),
    )
    facts = Asked(
        "query FactNames($id: ID!) { probe(id: $id) { facts { name label unit } } }",
        '.data.probe.facts[] | {name, text: (.label + (if .unit == "1" then "" else " (" + .unit + ")" end))}',
        Column("text", "__text"), Column("name", "__value"),
        variables=[one],
    )  # fmt: skip
    return (
        dashboard("graphql-infrastructure", "Century: infrastructure (GraphQL)", "Probes, their facts, certificates and heartbeats, read from Century itself.")
        .with_variable(choice("probe", "Probe", names))
        .with_variable(choice("fact", "Facts", facts).multi(True).include_all(True))
        .with_panel(figure("Probes down", down, steps=NONE_IS_WELL, width=HALF))
        .with_panel(figure("Heartbeats missing", missing, steps=NONE_IS_WELL, width=HALF))
        .with_panel(listing("Probes", probes, {"Latency": SECONDS, "Up": SHARE}, says="Up is the share of the range that is shown.", height=10))
        .with_panel(states("Newest checks", up, "probe", UP_OR_DOWN, says="The last 60 checks of each probe."))
        .with_panel(chart("Latency of the newest checks", latency, SECONDS, legend="probe", width=WIDE))
        .with_panel(listing("Certificates", certificates, {"Days left": DAYS}, width=HALF))
        .with_panel(listing("Workers", workers, {"Late by": SECONDS}, width=HALF))
        .with_panel(listing("Heartbeats", heartbeats, {"Took": SECONDS, "On time": SHARE}))
        .with_row(board.Row("$probe"))
        .with_panel(figure("Up", uptimes, SHARE, steps=((None, RED), (0.99, YELLOW), (0.999, GREEN)), width=HALF, named=True))
        .with_panel(listing("Changes of $probe", changes, width=HALF, height=4))
        .with_panel(chart("$fact", fact, legend="part").repeat("fact"))
    )  # fmt: skip


DASHBOARDS: dict[str, Callable[[], board.Dashboard]] = {
    "graphql-services": services,
    "graphql-infrastructure": infrastructure,
}
