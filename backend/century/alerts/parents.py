"""Which open alert another one hangs on."""

from __future__ import annotations

from collections.abc import Iterable

from century.alerts.alert import Alert


def parent_of(child: Alert, candidates: Iterable[Alert]) -> Alert | None:
    """The first open alert of a rule that the child's depends on: of the same service, or of none."""
    return next(
        (
            each
            for each in candidates
            if each.rule_id in child.rule.depends_on
            and each.is_told
            and each.id != child.id
            and each.parent_id != child.id
            and each.service in (None, child.service)
        ),
        None,
    )
