"""How much of a quota an answer says is left.

Read are `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers: `"name";r=…;t=…` and `q`, `w`), the
dictionary of its earlier drafts (`limit=…, remaining=…, reset=…`), the three headers that most servers send
(`RateLimit-Limit`, `X-RateLimit-Remaining-Requests`, `X-Rate-Limit-Reset` and the like), and `Retry-After`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MOST_QUOTAS = 20
LONGEST_NAME = 60
TOO_MANY = 429
# A reset above these is an instant, in seconds or in milliseconds since 1970.
EPOCH, EPOCH_MS = 1e9, 1e12
AUTO, NOTHING = "auto", "none"

_NUMBER = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,9})?")
_SPAN = re.compile(r"(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+(?:\.[0-9]+)?)s)?(?:([0-9]+(?:\.[0-9]+)?)ms)?")
_MEMBER = re.compile(
    r"\s*(\"(?:[^\"\\]|\\.){0,200}\"|[A-Za-z*][A-Za-z0-9_:/.*-]{0,200})\s*((?:;[^,;]{0,200})*)\s*(?:,|$)"
)
_KNOWN = re.compile(r"(?:[a-z0-9]+-)*rate-?limit-(.+)")
_WHAT = {"limit": "limit", "remaining": "left", "reset": "resets_in"}


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota by the name of its policy (empty: it has none); seconds until it is whole again."""

    name: str = ""
    limit: float | None = None
    left: float | None = None
    resets_in: float | None = None

    @property
    def share(self) -> float | None:
        """What is left of it, of 1; of nothing, nothing, whatever it was."""
        if self.left == 0:
            return 0.0
        return max(0.0, self.left / self.limit) if self.left is not None and self.limit else None


def quotas(headers: Sequence[tuple[str, str]], status: int, now: datetime, source: str = AUTO) -> tuple[Quota, ...]:
    """The quotas that an answer tells of, by name; headers by lowercase name.

    `source` is the beginning of the headers' names where it is another than the usual ones, or "none".
    """
    found: dict[str, Quota] = {}
    if source != NOTHING:
        for name, value in headers:
            _read(found, name, value, now, "" if source == AUTO else source.lower().rstrip("-"))
    if status == TOO_MANY:
        again = next((_reset(value, now) for name, value in headers if name == "retry-after"), None)
        if not any(each.left == 0 for each in found.values()):
            blamed = found.get("", Quota())
            found[""] = replace(blamed, left=0.0, resets_in=again if again is not None else blamed.resets_in)
    told = [each for each in found.values() if each.left is not None or each.limit is not None]
    return tuple(told[:MOST_QUOTAS])


def _read(found: dict[str, Quota], name: str, value: str, now: datetime, source: str) -> None:
    if source:
        rest = name[len(source) + 1 :] if name.startswith(source + "-") else ""
    elif name in ("ratelimit", "ratelimit-policy"):
        _members(found, value)
        return
    else:
        known = _KNOWN.fullmatch(name)
        rest = known[1] if known else ""
    words = rest.split("-")
    for place in (0, -1):
        if rest and words[place] in _WHAT:
            what = _WHAT[words[place]]
            part = "-".join(words[1:] if place == 0 else words[:-1])
            number = _reset(value, now) if what == "resets_in" else _first_number(value)
            if number is not None:
                _put(found, part, what, number)
            return


def _members(found: dict[str, Quota], value: str) -> None:
    if re.search(r"(^|,)\s*(limit|remaining|reset)\s*=", value):
        for key, text in re.findall(r"(limit|remaining|reset)\s*=\s*([0-9]{1,18})", value):
            _put(found, "", _WHAT[key], float(text))
        return
    for member in _read_members(value):
        name = member[1].strip('"').replace("\\", "")
        for parameter in member[2].split(";"):
            key, _, text = parameter.strip().partition("=")
            what = {"r": "left", "t": "resets_in", "q": "limit"}.get(key.strip())
            if what and _NUMBER.fullmatch(text.strip()):
                _put(found, name, what, float(text))


def _read_members(value: str) -> Iterator[re.Match[str]]:
    """The members that can be read, in one pass: whoever is asked chooses the text, and must not choose how long it takes."""
    place = 0
    while 0 <= place < len(value):
        if member := _MEMBER.match(value, place):
            yield member
            place = member.end()
        else:
            place = value.find(",", place) + 1 or len(value)


def _put(found: dict[str, Quota], name: str, what: str, number: float) -> None:
    name = "".join(each for each in name if each.isprintable())[:LONGEST_NAME]
    if name not in found and len(found) >= MOST_QUOTAS:
        return
    before = found.get(name, Quota(name))
    match what:
        case "limit":
            found[name] = replace(before, limit=number)
        case "left":
            found[name] = replace(before, left=number)
        case _:
            found[name] = replace(before, resets_in=number)


def _first_number(text: str) -> float | None:
    matched = _NUMBER.match(text.strip())
    return float(matched[0]) if matched else None


def _reset(text: str, now: datetime) -> float | None:
    """The seconds until a reset that is given in seconds, as an instant, as a date, or like 6m0s."""
    text = text.strip()
    if _NUMBER.fullmatch(text):
        number = float(text)
        if number >= EPOCH_MS:
            number = number / 1000 - now.timestamp()
        elif number >= EPOCH:
            number -= now.timestamp()
        return max(0.0, number)
    if text and (span := _SPAN.fullmatch(text)):
        sizes = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)
        return sum(float(part) * size for part, size in zip(span.groups("0"), sizes, strict=True))
    for reads in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            at = reads(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return max(0.0, (at - now).total_seconds())
    return None
