"""What a verdict is about: a service, one of its routes, one group of a metric's series."""

from __future__ import annotations

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
    """The subject of a service and the attributes it was grouped by, named by them."""
    known = tuple(attributes)
    given = dict(known)
    route = " ".join(part for part in (given.get(METHOD), given.get(ROUTE)) if part)
    words = [word for word in (service, route) if word]
    words += [f"{key}={value}" for key, value in known if key not in (METHOD, ROUTE)]
    return Subject(" ".join(words) or "everything", service, known)
