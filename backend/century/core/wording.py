"""Numbers and spans of time as people read them."""

from __future__ import annotations

from datetime import timedelta


def duration(span: timedelta) -> str:
    """A span as people read it: "90 s", "5 min", "1 h 30 min", "30 d"."""
    seconds = span.total_seconds()
    if abs(seconds) < 120 and seconds % 60:
        return f"{number(seconds)} s"
    days, rest = divmod(abs(round(seconds)), 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, rest = divmod(rest, 60)
    parts = [f"{count} {short}" for count, short in ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")) if count]
    return ("-" if seconds < 0 else "") + (" ".join(parts[:2]) or "0 s")


def one_line(said: str, longest: int) -> str:
    """Something on one line, without signs that would end it or change how it is read."""
    line = " ".join("".join(each if each.isprintable() else " " for each in said).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def number(value: float) -> str:
    """Three significant digits, without an exponent where people would not write one."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    if abs(value) < 0.001:
        return f"{value:.2g}"
    return f"{value:.3g}"
