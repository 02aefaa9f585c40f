"""What a verdict is about: a service, one of its routes, one group of a metric's series."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

METHOD = "http.request.method"
ROUTE = "http.route"


@dataclass(frozen=True, slots=True)
class Subject:
    """`text` names it among all subjects of its rule: "checkout", "checkout GET /pay", "checkout queue=mail"."""

    text: str
    service: str | None
    attributes: tuple[tuple[str, str], ...] = ()


def subject_of(service: str | None, attributes: Iterable[tuple[str, str]] = ()) -> Subject:
    """The subject of a service and the attributes it was grouped by, named by them.

    Two of a service each, grouped by the same attributes, have one text only if they are one: what could be taken for
    something else is quoted.
    """
    known = tuple(attributes)
    given = dict(known)
    words = [word(service)] if service else []
    words += _route(given.get(METHOD), given.get(ROUTE))
    words += [f"{word(key)}={word(value)}" for key, value in known if key not in (METHOD, ROUTE)]
    return Subject(" ".join(words) or "everything", service, known)


def word(text: str) -> str:
    """A text as one word of a subject: as it is, or quoted where it holds what divides words, or quotes."""
    divided = any(each.isspace() or each in '="' for each in text)
    return json.dumps(text, ensure_ascii=False) if divided else text


def _route(method: str | None, route: str | None) -> list[str]:
    """A method and a route, each as a word if there is one; where only one is, it is told which."""
    if method and (route or not method.startswith("/")):
        return [word(method), word(route)] if route else [word(method)]
    if method:
        return [f"{METHOD}={word(method)}"]
    if route and method is not None and not route.startswith("/"):
        return [f"{ROUTE}={word(route)}"]
    return [word(route)] if route else []
