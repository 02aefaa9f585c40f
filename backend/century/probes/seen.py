"""Whether an answer that was seen is as its conditions ask."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from jsonpath_rfc9535 import JSONPathError

from century.probes.conditions import LONGEST_SHOWN, About, Condition, shown

MOST_VALUES = 1000
LARGEST_JSON = 256 * 1024
# A larger body is looked at in a thread: it takes longer than everything else of a check.
QUICK_BODY = 16 * 1024
COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}


@dataclass(frozen=True, slots=True)
class Seen:
    """What came back: headers by lowercase name; seconds. `cut`: the body was longer than was read of it."""

    headers: Sequence[tuple[str, str]]
    body: bytes
    latency: float
    cut: bool = False


def heavy(conditions: Sequence[Condition], seen: Seen) -> bool:
    """Whether judging may take so long that it belongs into a thread."""
    return len(seen.body) > QUICK_BODY and any(each.about in (About.BODY, About.JSON) for each in conditions)


def unmet(conditions: Sequence[Condition], seen: Seen) -> str | None:
    """Why an answer is not as it should be: the first condition that does not hold, as a sentence."""
    document: list[Any] = []
    for each in conditions:
        match each.about:
            case About.BODY:
                wrong = _body(each, seen)
            case About.JSON:
                if not document:
                    if isinstance(loaded := _document(seen), _Unreadable):
                        return loaded.message
                    document.append(loaded)
                wrong = _json(each, document[0])
            case About.HEADER:
                wrong = _header(each, seen.headers)
            case About.LATENCY:
                wrong = _latency(each, seen.latency)
        if wrong:
            return wrong
    return None


def _body(condition: Condition, seen: Seen) -> str | None:
    if packed := _packed(seen):
        return packed
    wanted = shown(condition.value)
    read = f" (of which the first {len(seen.body) // 1024} KiB were read)" if seen.cut else ""
    match condition.word:
        case "matches":
            found = condition.pattern.search(seen.body.decode("utf-8", "replace"))
            return None if found else f"the body{read} does not match {wanted}"
        case "contains":
            return None if condition.value.encode() in seen.body else f"the body{read} lacks {wanted}"
    if condition.value.encode() in seen.body:
        return f"the body contains {wanted}"
    return f"whether the body{read} lacks {wanted} cannot be said" if seen.cut else None


@dataclass(frozen=True, slots=True)
class _Unreadable:
    message: str


def _document(seen: Seen) -> Any:
    if packed := _packed(seen):
        return _Unreadable(packed)
    if seen.cut or len(seen.body) > LARGEST_JSON:
        return _Unreadable(
            f"the body is longer than {LARGEST_JSON // 1024} KiB, which is too long for a JSON condition"
        )
    if not seen.body.strip():
        return _Unreadable("the body is empty, not JSON")
    try:
        return json.loads(seen.body)
    except (ValueError, RecursionError):
        return _Unreadable("the body is not JSON")


def _packed(seen: Seen) -> str | None:
    coding = next((value.lower() for name, value in seen.headers if name == "content-encoding"), "identity")
    return None if coding == "identity" else f"the body comes packed ({coding[:20]}), although that was not asked for"


def _json(condition: Condition, document: Any) -> str | None:
    assert condition.path
    try:
        values = [node.value for node in islice(condition.path.finditer(document), MOST_VALUES + 1)]
    except (JSONPathError, RecursionError):
        return f"{condition.name} cannot be looked for in this answer: it is nested too deeply"
    name = condition.name if len(condition.name) <= LONGEST_SHOWN else condition.name[: LONGEST_SHOWN - 1] + "…"
    if condition.word == "lacks":
        return f"the answer has {name}" if values else None
    if not values:
        return f"the answer has no {name}"
    if condition.word == "exists":
        return None
    if len(values) > MOST_VALUES:
        return f"the answer has more than {MOST_VALUES} of {name}"
    for value in values:
        if not _holds(condition.word, value, condition.value):
            return f"{name} is {_as_json(value)}, not {'' if condition.word == '==' else condition.word + ' '}{_as_json(condition.value)}"
    return None


def _holds(word: str, value: Any, wanted: Any) -> bool:
    # In Python, though not in JSON, true is 1.
    if isinstance(value, bool) is not isinstance(wanted, bool):
        return word == "!="
    if word in ("==", "!="):
        return COMPARE[word](value, wanted)
    return isinstance(value, int | float) and COMPARE[word](value, wanted)


def _header(condition: Condition, headers: Sequence[tuple[str, str]]) -> str | None:
    values = list(_values(headers, condition.name))
    name, wanted = condition.name, condition.value
    if condition.word == "lacks":
        return f"the answer has a header {name}" if values else None
    if not values:
        return f"the answer has no header {name}"
    told = ", ".join(values)
    match condition.word:
        case "==":
            wrong = told != wanted
        case "!=":
            wrong = told == wanted
        case "contains":
            wrong = wanted.lower() not in told.lower()
        case _:
            wrong = False
    if not wrong:
        return None
    match condition.word:
        case "!=":
            return f"the header {name} is {shown(told)}"
        case "contains":
            return f"the header {name} is {shown(told)}, which lacks {shown(wanted)}"
    return f"the header {name} is {shown(told)}, not {shown(wanted)}"


def _values(headers: Sequence[tuple[str, str]], name: str) -> Iterator[str]:
    return (value for each, value in headers if each == name)


def _latency(condition: Condition, latency: float) -> str | None:
    if COMPARE[condition.word](latency, condition.value):
        return None
    return f"it answers in {words(latency)}, not {condition.word} {words(condition.value)}"


def words(latency: float) -> str:
    """Seconds as people say them: "0.24 ms", "84 ms", "2.3 s"."""
    if latency < 0.00995:
        return f"{latency * 1000:.2g} ms"
    return f"{latency * 1000:.0f} ms" if latency < 0.9995 else f"{latency:.3g} s"


def _as_json(value: Any) -> str:
    match value:
        case dict():
            return "an object"
        case list():
            return "a list"
        case str():
            return shown(value)
    return json.dumps(value)
