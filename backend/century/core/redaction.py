"""What may be shown of a sentence that somebody else wrote."""

from __future__ import annotations

from collections.abc import Iterable
from os.path import commonprefix
from urllib.parse import urlsplit

LONGEST_DETAIL = 400
SHORTEST_SECRET = 4
SHORTEST_BEGINNING = 14
CUTS = frozenset("…\"'”\r\n")


def clean(detail: str, secrets: Iterable[str] = ()) -> str:
    """A detail that may be shown and logged: one short line without the secrets, or the parts of an address in them."""
    for secret in secrets:
        for part in (secret, *_telling_parts(secret)):
            if part:
                detail = _without_beginning(detail.replace(part, "…"), part)
    if not detail.isprintable():
        detail = "".join(each if each.isprintable() else " " for each in detail)
    line = " ".join(detail.split())
    return line if len(line) <= LONGEST_DETAIL else line[: LONGEST_DETAIL - 1] + "…"


def _without_beginning(detail: str, secret: str) -> str:
    """The same without the beginning of a secret where the text was cut in its middle."""
    head, place = secret[:SHORTEST_BEGINNING], 0
    if len(secret) <= SHORTEST_BEGINNING:
        return detail
    while (place := detail.find(head, place)) >= 0:
        alike = len(commonprefix((detail[place:], secret)))
        rest = detail[place + alike :]
        if not rest or rest[0] in CUTS:
            detail = f"{detail[:place]}…{rest}"
        place += 1
    return detail


def _telling_parts(secret: str) -> list[str]:
    if len(secret) < SHORTEST_SECRET:
        return []
    if "://" not in secret:
        return [secret]
    try:
        parts = urlsplit(secret)
    except ValueError:
        return []
    pieces = [parts.password or "", parts.username or "", *parts.path.split("/"), *parts.query.split("&")]
    # An apprise address may hold a token where a web address has its host.
    host = parts.netloc.rpartition("@")[2]
    pieces += [host] if parts.scheme not in ("http", "https") and "." not in host else []
    return sorted((each for each in pieces if len(each) >= 8), key=len, reverse=True)
