"""What people do with alerts: acknowledge, suppress, resolve, and what they write down meanwhile."""

from __future__ import annotations

from century.alerts.alert import Alert, AlertState
from century.alerts.kept import alerts_by_id, holds, look

__all__ = ["Alert", "AlertState", "alerts_by_id", "holds", "look"]
