"""The rules that a new installation begins with: those of the operational guide, with its procedures as runbooks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

from century.core import seeds
from century.core.ids import new_id
from century.core.work import Work
from century.rules import editing, kept
from century.rules.condition import Condition, Signal, WhenNoData
from century.rules.rule import Rule
from century.rules.severity import Severity
from century.telemetry.targets import Comparison

SEED, SEED_OUTSIDE = "rules", "rules.probes"
MINUTE = timedelta(minutes=1)
DAY_SECONDS = 86_400.0
_ABOVE, _BELOW = Comparison.ABOVE, Comparison.BELOW

ERRORS = """\
1. **Check Logs**: Review application error logs
2. **Database Issues**: Verify database connectivity and performance
3. **External APIs**: Check third-party service status
4. **Code Issues**: Look for recent deployments or changes
"""
SLOW = """\
1. **Check Database**: Verify database performance and connections
2. **Review Traffic**: Look for traffic spikes or unusual patterns
3. **Check Resources**: Monitor CPU, memory, and disk usage
4. **Scale if Needed**: Increase server resources or replicas
"""
DATABASE = """\
1. **Immediate Action**: Check database service status
2. **Connection Pool**: Verify connection pool configuration
3. **Network Issues**: Test network connectivity
4. **Failover**: Execute database failover if needed
"""
OUTAGE = """\
1. **Immediate**: Activate incident response team
2. **Communication**: Notify stakeholders via emergency channels
3. **Assessment**: Determine scope and impact
4. **Recovery**: Execute disaster recovery procedures
5. **Post-Mortem**: Conduct incident analysis
"""
RESOURCES = """\
1. **Resource Usage**: Check system resource consumption
2. **Database Load**: Monitor database query performance
3. **Network**: Check network latency and bandwidth
4. **Scaling**: Consider horizontal or vertical scaling
"""
REDIS = """\
1. **Memory Usage**: Monitor memory consumption and eviction
2. **Connection Count**: Track active connections
3. **Response Time**: Monitor operation performance
4. **Persistence**: Verify data persistence settings
"""
EXTERNAL = """\
1. **Response Times**: Monitor third-party API performance
2. **Error Rates**: Track API failures and timeouts
3. **Rate Limits**: Monitor API quota usage
4. **Fallback Systems**: Verify fallback mechanisms
"""
QUOTA = """\
1. **Rate Limits**: Monitor API quota usage, and when it resets
2. **Review Traffic**: Look for traffic spikes or unusual patterns
3. **Fallback Systems**: Verify fallback mechanisms
"""
CERTIFICATE = """\
1. **Verify Issue**: See which certificate expires, and when
2. **Renew**: Renew the certificate, and load it where it is served
3. **Post-Update**: Verify that the new certificate is the one that answers
"""
DISK = """\
1. **Verify Issue**: See which file system fills, and how fast
2. **Retention**: Check that data retention and archival run
3. **Clean Up**: Remove what is not needed any more, or move it to the archive
4. **Scaling**: Consider a larger disk
"""
BACKUP = """\
1. **Backup Status**: Verify backup completion and integrity
2. **Storage**: Check the space and the permissions where backups are kept
3. **Run Again**: Make a backup, and verify it
"""
MISSING = """\
1. **Middleware**: Verify monitoring middleware is active
2. **Database**: Check database connectivity and permissions
3. **Redis**: Verify Redis connection and data
4. **Collection**: Ensure metrics collection is enabled
"""
JOB = """\
1. **Verify Issue**: See what the last run said, and whether it began at all
2. **Check Host**: Verify that the machine runs, and that its scheduler does
3. **Check Logs**: Review the log of the job
4. **Run Again**: Run the job by hand, and verify what it leaves behind
"""
DOWN = """\
1. **Verify Issue**: Open the probe, and read what it was answered last
2. **Check Host**: Verify that what it asks runs, and can be reached from here
3. **Recent Changes**: Look for a deployment, a moved address or a renewed certificate
"""
CRITICAL, WARNING, INFO = Severity
# A Redis that is down is no system that is: it has a rule of its own.
UNAVAILABLE = Condition(
    Signal.PROBE_STATE, _BELOW, 1.0, filter=(("kind", frozenset({"http", "tcp", "network"})),), window=MINUTE
)
# What has no rule of its own: a certificate that is not trusted, a name that is not found, a backup that is not there.
OTHERS_DOWN = Condition(
    Signal.PROBE_STATE,
    _BELOW,
    1.0,
    filter=(("kind", frozenset({"tls", "dns", "host", "prometheus", "backup"})),),
    window=MINUTE,
)
UNHEALTHY = Condition(Signal.FACT, _BELOW, 1.0, metric="redis.healthy", window=MINUTE)


def _expiring(days: float) -> Condition:
    """Each opens once: a certificate is told of as it crosses each, and all are over when it is renewed."""
    return Condition(Signal.TLS_DAYS_LEFT, _BELOW, days, window=timedelta(days=1))


DEFAULTS: tuple[tuple[str, Severity, Condition, str], ...] = (
    (
        "high_error_rate", CRITICAL,
        Condition(
            Signal.ERROR_RATE, _ABOVE, 0.05, recovery=0.04, min_samples=20, when_no_data=WhenNoData.OK
        ),
        ERRORS,
    ),
    (
        "high_response_time", WARNING,
        Condition(
            Signal.LATENCY_P95, _ABOVE, 5.0, recovery=4.5, hold_for=MINUTE, min_samples=20, when_no_data=WhenNoData.OK
        ),
        SLOW,
    ),
    (
        "database_connection_failure", CRITICAL,
        Condition(Signal.FACT, _BELOW, 1.0, metric="database.up", window=MINUTE),
        DATABASE,
    ),
    (
        "system_unavailable", CRITICAL,
        UNAVAILABLE,
        OUTAGE,
    ),
    ("probe_down", WARNING, OTHERS_DOWN, DOWN),
    (
        "high_cpu_usage", WARNING,
        Condition(Signal.CPU, _ABOVE, 0.7, recovery=0.65, hold_for=5 * MINUTE),
        RESOURCES,
    ),
    (
        "high_memory_usage", WARNING,
        Condition(Signal.MEMORY, _ABOVE, 0.8, recovery=0.75, hold_for=5 * MINUTE),
        RESOURCES,
    ),
    (
        "redis_unhealthy", WARNING,
        UNHEALTHY,
        REDIS,
    ),
    (
        "external_api_failing", WARNING,
        Condition(Signal.FACT, _ABOVE, 0.1, metric="api.failure_share", recovery=0.05),
        EXTERNAL,
    ),
    (
        "external_api_rate_limited", WARNING,
        Condition(Signal.FACT, _BELOW, 0.1, metric="api.quota_left_share", recovery=0.2),
        QUOTA,
    ),
    (
        "certificate_expiring", INFO,
        _expiring(21.0),
        CERTIFICATE,
    ),
    ("certificate_expiring_14_days", INFO, _expiring(14.0), CERTIFICATE),
    ("certificate_expiring_7_days", INFO, _expiring(7.0), CERTIFICATE),
    (
        "disk_space_low", INFO,
        Condition(Signal.FACT, _ABOVE, 0.85, metric="host.disk_used_share", recovery=0.8, hold_for=5 * MINUTE),
        DISK,
    ),
    (
        "backup_stale", WARNING,
        Condition(Signal.FACT, _ABOVE, 2 * DAY_SECONDS, metric="backup.age", window=timedelta(hours=1)),
        BACKUP,
    ),
    (
        "telemetry_missing", WARNING,
        Condition(Signal.SILENCE, _ABOVE, 300.0),
        MISSING,
    ),
    (
        "heartbeat_missing", WARNING,
        Condition(Signal.HEARTBEAT, _ABOVE, 0.0),
        JOB,
    ),
)  # fmt: skip
ADDED = frozenset({"certificate_expiring_14_days", "certificate_expiring_7_days", "heartbeat_missing", "probe_down"})
"""What an installation did not begin with before anything was watched from outside."""
CHANGED = {
    "system_unavailable": Condition(Signal.PROBE_STATE, _BELOW, 1.0, window=MINUTE),
    "redis_unhealthy": Condition(Signal.FACT, _BELOW, 1.0, metric="redis.up", window=MINUTE),
}
"""The conditions that these had until then: whoever changed them meant it."""


async def plant(work: Work) -> None:
    """Save the default rules, once: what somebody removed afterwards stays away."""
    if not await seeds.plant(work, SEED):
        return
    await _save(work, {name for name, *_ in DEFAULTS})


async def plant_more(work: Work) -> None:
    """Bring an installation that began before anything was watched from outside up to date, once.

    Rules that came since are added, those of then that nobody changed look at what they were meant to.
    """
    if not await seeds.plant(work, SEED_OUTSIDE):
        return
    meant = {name: condition for name, _, condition, _ in DEFAULTS}
    for rule in await kept.rules(work):
        before = CHANGED.get(rule.name)
        if before is not None and rule.version == 1 and rule.condition == before:
            await editing.save_rule(work, replace(rule, condition=meant[rule.name]), new=False)
    await _save(work, ADDED)


async def _save(work: Work, names: Collection[str]) -> None:
    taken = {each.name for each in await kept.rules(work)}
    for name, severity, condition, runbook in DEFAULTS:
        if name in taken or name not in names:
            continue
        rule = Rule(new_id(work.now), name, enabled=True, severity=severity, condition=condition, runbook=runbook)
        await editing.save_rule(work, rule, new=True)
