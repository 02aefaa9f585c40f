"""Names of what people configure, and how several of them are told in a sentence."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from century.core.errors import Invalid

LONGEST = 64
SHOWN = 5


def check(name: str, what: str, field: str = "name") -> str:
    """The name as it is stored: 1 to 64 printable characters; Invalid otherwise."""
    name = " ".join(unicodedata.normalize("NFKC", name).split())
    if not 1 <= len(name) <= LONGEST or not name.isprintable():
        raise Invalid(f"the name of a {what} has 1 to {LONGEST} printable characters", field=field)
    return name


def several(noun: str, names: Sequence[str]) -> str:
    """`the rule a`, `the rules a and b`, `the rules a, b, c, d, e and 7 more`."""
    if len(names) == 1:
        return f"the {noun} {names[0]}"
    return f"the {noun[:-1] + 'ies' if noun.endswith('y') else noun + 's'} {listed(names)}"


def listed(names: Sequence[str], shown: int = SHOWN) -> str:
    """`a`, `a and b`, `a, b and c`, `a, b, c, d, e and 7 more`."""
    kept = [*names] if len(names) <= shown else [*names[:shown], f"{len(names) - shown} more"]
    return kept[0] if len(kept) == 1 else f"{', '.join(kept[:-1])} and {kept[-1]}"
