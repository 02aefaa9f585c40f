"""What was held and is still wrong pages again: its ladder looks at once, and its response clock starts anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import bindparam

from century.alerts.alert import Alert, AlertState
from century.alerts.kept import ALERT
from century.alerts.lifecycle import answer_by, attention
from century.alerts.recording import record
from century.core.work import Work

RELEASE = (
    ALERT.update()
    .where(ALERT.c.id == bindparam("alert"), ALERT.c.state == AlertState.FIRING.value)
    .values(
        due_at=bindparam("now"), response_due_at=bindparam("answer_by"), attention_at=bindparam("attention"),
        updated_at=bindparam("now"),
    )
)  # fmt: skip


async def release(work: Work, released: Sequence[tuple[Alert, str]]) -> None:
    """Let alerts that fire page again, each with the sentence that says why; others are left as they are."""
    firing = [(alert, why) for alert, why in released if alert.state is AlertState.FIRING]
    if not firing:
        return
    rows = []
    for alert, _ in firing:
        late = alert.response_breached_at is not None
        due = replace(alert, response_due_at=alert.response_due_at if late else answer_by(alert, work.now))
        rows.append(
            {
                "alert": alert.id, "now": work.now, "answer_by": due.response_due_at, "attention": attention(due),
            }
        )  # fmt: skip
    await work.execute(RELEASE, rows)
    for alert, why in firing:
        record(work, "alert.released", alert, why)
