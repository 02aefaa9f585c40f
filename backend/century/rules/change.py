"""What an evaluation found that is to be kept and told: a subject that stands otherwise than before, or worse."""

from __future__ import annotations

from dataclasses import dataclass

from century.rules.rule import Rule
from century.rules.subject import Subject
from century.rules.verdict import Standing, Verdict


@dataclass(frozen=True, slots=True)
class Change:
    """From `before` (None: never judged) to `after`. `reason` is given where it is not a reading that changed it."""

    rule: Rule
    subject: Subject
    before: Verdict | None
    after: Verdict
    reason: str | None = None

    @property
    def moved(self) -> bool:
        """Whether the standing is another; else it is still firing, and only the value is new."""
        return self.before is None or self.before.standing is not self.after.standing

    @property
    def opens(self) -> bool:
        """Whether it began to fire."""
        return self.moved and self.after.standing is Standing.FIRING
