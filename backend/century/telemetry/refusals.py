"""What of a request was refused, counted by reason, and the sentence the sender reads."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_REASONS = 5
LONGEST_NAME = 80


@dataclass(slots=True)
class Refusals:
    """Counts by (subject, reason); `noun` is what is counted."""

    noun: str = "data points"
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    remarks: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, subject: str, reason: str, count: int = 1) -> None:
        """Refuse so many of a metric (or span) for a reason: a clause that follows "refused:"."""
        if count:
            key = (shorten(subject), reason)
            self.counts[key] = self.counts.get(key, 0) + count

    def remark(self, subject: str, reason: str, count: int = 1) -> None:
        """Tell of exemplars that are not kept, and why; their points are: nothing counts as refused."""
        key = (shorten(subject), reason)
        self.remarks[key] = self.remarks.get(key, 0) + count

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def sentence(self) -> str:
        """Why, for people; empty when nothing was refused or left out."""
        said = [*_clauses(self.counts, self.noun, "refused"), *_clauses(self.remarks, "exemplars", "not kept")]
        return "; ".join(said) + "." if said else ""


def _clauses(counts: dict[tuple[str, str], int], noun: str, fate: str) -> list[str]:
    worst = sorted(counts.items(), key=lambda each: -each[1])
    said = [
        f"{count} {noun if count > 1 else noun[:-1]} of {subject} {fate}: {reason}"
        for (subject, reason), count in worst[:MOST_REASONS]
    ]
    if len(worst) > MOST_REASONS:
        said.append(f"and {sum(count for _, count in worst[MOST_REASONS:])} more for other reasons")
    return said


def shorten(name: str) -> str:
    """A name that fits into a sentence and stays on its line."""
    line = "".join(letter if letter.isprintable() else "?" for letter in name[: LONGEST_NAME + 1])
    return line if len(line) <= LONGEST_NAME else line[:LONGEST_NAME] + "…"
