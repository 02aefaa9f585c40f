"""What is wrong with a probe before anybody relies on it: each complaint names its field and says what would be right."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import unquote, urlsplit
from uuid import UUID

from century.core.wording import duration
from century.probes.kind import Config, Field, FieldType, ProbeKind, Problem
from century.probes.kinds import kind_of, known_kinds
from century.probes.probe import Patience

LONGEST_NAME, LONGEST_SERVICE, LONGEST_HOST = 100, 255, 255
MOST_LABELS, LONGEST_KEY, LONGEST_LABEL = 10, 100, 255
LONGEST_VALUE, LONGEST_LINES = 2_000, 32_000
INTERVAL = (timedelta(seconds=5), timedelta(days=1))
TIMEOUT = (timedelta(seconds=0.5), timedelta(seconds=60))
RETRY = timedelta(seconds=1)
USUAL_RETRY = timedelta(seconds=5)
ATTEMPTS = (1, 10)
DEEPEST = 5
ENCRYPTED = ("https", "rediss")
OWN = "own"


@dataclass(frozen=True, slots=True)
class Draft:
    """A probe as somebody wants it; with an `id`, the one that is changed, which must still have this `version`.

    A setting that is left out or None keeps what is stored, an empty one clears it; times left out are the kind's.
    """

    name: str
    kind: ProbeKind
    settings: Mapping[str, str | None] = field(repr=False)
    id: UUID | None = None
    version: int | None = None
    enabled: bool = True
    service: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    parent_id: UUID | None = None
    runs_on: str | None = None
    interval: timedelta | None = None
    timeout: timedelta | None = None
    retry: timedelta | None = None
    patience: Patience = field(default_factory=Patience)

    @property
    def usual_interval(self) -> timedelta:
        """The interval asked for, or the kind's."""
        return self.interval or timedelta(seconds=kind_of(self.kind).INTERVAL)

    @property
    def usual_timeout(self) -> timedelta:
        """The timeout asked for, or the kind's."""
        return self.timeout or min(timedelta(seconds=kind_of(self.kind).TIMEOUT), self.usual_interval * 0.8)

    @property
    def usual_retry(self) -> timedelta:
        """The time between checks in doubt that is asked for, or five seconds."""
        return self.retry or min(self.usual_interval, USUAL_RETRY)


@dataclass(frozen=True, slots=True)
class Known:
    """What a draft can be held against: the parent of every other probe, and the settings of it that are stored."""

    parents: Mapping[UUID, UUID | None] = field(default_factory=dict)
    stored: Mapping[str, str] = field(default_factory=dict, repr=False)


def config_of(kind: ProbeKind, values: Mapping[str, str]) -> Config:
    """The settings of a probe of a kind; what is not set is as its form proposes."""
    fields = kind_of(kind).FIELDS
    usual = {each.name: each.default for each in fields if each.default is not None}
    return Config({**usual, **values}, frozenset(each.name for each in fields if each.secret))


def values_of(draft: Draft, stored: Mapping[str, str]) -> dict[str, str]:
    """The settings of a draft, with what it keeps of those that are stored; a password in an address is taken out of it."""
    fields = {each.name: each for each in kind_of(draft.kind).FIELDS}
    values = {}
    for name in (*fields, OWN):
        given = draft.settings.get(name)
        value = stored.get(name, "") if given is None else given.strip()
        if value:
            values[name] = value
    if "password" in fields and (apart := _taken_apart(values.get("url", ""))):
        values["url"], values["password"] = apart
    return values


def problems(draft: Draft, known: Known) -> list[Problem]:
    """Everything that is wrong with a probe, or may not be meant."""
    if draft.kind not in known_kinds():
        return [Problem("kind", f"there are no probes of kind {draft.kind.value} yet")]
    return [
        *_of_names(draft),
        *_of_times(draft),
        *_of_settings(draft, known),
        *_of_parent(draft, known),
        *_of_use(draft),
    ]


def _of_names(draft: Draft) -> Iterator[Problem]:
    if not 1 <= len(draft.name) <= LONGEST_NAME or not draft.name.isprintable():
        yield Problem("name", f"a probe's name has 1 to {LONGEST_NAME} printable characters")
    if draft.service is not None and not (1 <= len(draft.service) <= LONGEST_SERVICE and draft.service.isprintable()):
        yield Problem("service", f"a service's name has 1 to {LONGEST_SERVICE} printable characters, or is left out")
    if len(draft.labels) > MOST_LABELS:
        yield Problem("labels", f"there may be {MOST_LABELS} labels at most, and there are {len(draft.labels)}")
    for key, value in draft.labels.items():
        if not (1 <= len(key) <= LONGEST_KEY and len(value) <= LONGEST_LABEL and (key + value).isprintable()):
            said = f"a label has a name of 1 to {LONGEST_KEY} and a value of up to {LONGEST_LABEL} printable characters"
            yield Problem("labels", said)
            break
    if draft.runs_on is not None and not (1 <= len(draft.runs_on) <= LONGEST_HOST and draft.runs_on.isprintable()):
        yield Problem("runsOn", f"the name of a machine has 1 to {LONGEST_HOST} printable characters, or is left out")
    if not kind_of(draft.kind).REMOTE and draft.kind is ProbeKind.HOST and draft.runs_on is None:
        yield Problem("runsOn", "name the machine whose worker watches it: each has disks and processors of its own")


def _of_times(draft: Draft) -> Iterator[Problem]:
    interval, timeout, retry = draft.usual_interval, draft.usual_timeout, draft.usual_retry
    shortest = max(INTERVAL[0], timedelta(seconds=kind_of(draft.kind).SHORTEST))
    if not shortest <= interval <= INTERVAL[1]:
        yield Problem("interval", f"the interval must lie between {duration(shortest)} and {duration(INTERVAL[1])}")
    if not TIMEOUT[0] <= timeout <= TIMEOUT[1]:
        yield Problem("timeout", f"the timeout must lie between {duration(TIMEOUT[0])} and {duration(TIMEOUT[1])}")
    elif interval <= timeout:
        said = f"the interval ({duration(interval)}) must be longer than the timeout ({duration(timeout)})"
        yield Problem("interval", said)
    if not RETRY <= retry <= max(interval, RETRY):
        said = f"the interval in doubt must lie between {duration(RETRY)} and the interval ({duration(interval)})"
        yield Problem("retryInterval", said)
    for name, count in (
        ("failuresBeforeDown", draft.patience.failures),
        ("successesBeforeUp", draft.patience.successes),
    ):
        if not ATTEMPTS[0] <= count <= ATTEMPTS[1]:
            yield Problem(name, f"it must lie between {ATTEMPTS[0]} and {ATTEMPTS[1]}")


def _of_settings(draft: Draft, known: Known) -> Iterator[Problem]:
    fields = {each.name: each for each in kind_of(draft.kind).FIELDS}
    for name in draft.settings:
        if name == OWN:
            if draft.settings[name] and known.stored.get(OWN) != draft.settings[name]:
                yield Problem(_named(OWN), "only the installation itself watches what it stands on; give an address")
        elif name not in fields:
            said = f"a probe of kind {draft.kind.value} has no '{name[:40]}'; it has {', '.join(fields)}"
            yield Problem(_named(name), said)
    values = values_of(draft, known.stored)
    wrong = [problem for each in fields.values() for problem in _of_field(each, values, own=OWN in values)]
    yield from wrong
    named = {each.field for each in wrong}
    for problem in kind_of(draft.kind).problems(config_of(draft.kind, values)):
        if _named(problem.field) not in named:
            yield Problem(_named(problem.field), problem.message, problem.refused)
    yield from _of_kept_secrets(draft, known, values)


def _of_field(field: Field, values: Mapping[str, str], *, own: bool) -> Iterator[Problem]:
    value, name = values.get(field.name, ""), _named(field.name)
    most = LONGEST_LINES if field.has_lines else LONGEST_VALUE
    if len(value) > most:
        yield Problem(name, f"{field.label} may have {most} characters at most")
    elif any((ord(each) < 32 or ord(each) == 127) and not (field.has_lines and each in "\r\n\t") for each in value):
        yield Problem(name, f"{field.label} must be {'lines of text' if field.has_lines else 'one line'}")
    elif field.required and not value and not own:
        yield Problem(name, f"{field.label} is missing: {field.help}")
    elif value and field.type is FieldType.FLAG and value not in ("true", "false"):
        yield Problem(name, f"{field.label} must be true or false")
    elif value and field.type is FieldType.CHOICE and value not in field.options:
        yield Problem(name, f"{field.label} must be one of {', '.join(field.options)}")
    elif value and field.type is FieldType.NUMBER and not _is_number(value):
        yield Problem(name, f"{field.label} must be a number")


def _of_kept_secrets(draft: Draft, known: Known, values: Mapping[str, str]) -> Iterator[Problem]:
    """A secret was entered for one target: another one, named later, must not be handed it."""
    kind = kind_of(draft.kind)
    before, after = config_of(draft.kind, known.stored), config_of(draft.kind, values)
    if not known.stored:
        return
    if place_of(kind.target(before)) != place_of(kind.target(after)):
        why = "the address leads to another host"
    elif _scheme(before["url"]) in ENCRYPTED and _scheme(after["url"]) not in ENCRYPTED:
        why = f"over {_scheme(after['url'])} anybody on the way can read it"
    else:
        return
    for name in sorted(after.secret_names):
        if draft.settings.get(name) is None and known.stored.get(name) == values.get(name) != None:
            label = next(each.label for each in kind.FIELDS if each.name == name)
            yield Problem(_named(name), f"{why}: enter {label} again, or leave it empty")


def _of_parent(draft: Draft, known: Known) -> Iterator[Problem]:
    if draft.parent_id is None:
        return
    if draft.parent_id == draft.id:
        yield Problem("parent", "a probe cannot depend on itself")
        return
    if draft.parent_id not in known.parents:
        yield Problem("parent", "there is no such probe")
        return
    above, at = 1, known.parents[draft.parent_id]
    while at is not None and above <= DEEPEST:
        if at == draft.id:
            yield Problem("parent", "it depends on this probe itself, so neither could tell which of them failed")
            return
        above, at = above + 1, known.parents.get(at)
    if above + _below(draft.id, known) > DEEPEST:
        yield Problem("parent", f"probes may depend on each other {DEEPEST} deep at most")


def _below(probe_id: UUID | None, known: Known, depth: int = 0) -> int:
    children = [each for each, parent in known.parents.items() if parent == probe_id and probe_id is not None]
    return 0 if not children or depth > DEEPEST else 1 + max(_below(each, known, depth + 1) for each in children)


def _of_use(draft: Draft) -> Iterator[Problem]:
    if not draft.enabled:
        yield Problem("enabled", "nobody asks it while it is paused", refused=False)
    longest = draft.usual_retry * (draft.patience.failures - 1) + draft.usual_interval
    if longest > timedelta(hours=1):
        said = f"it may take {duration(longest)} until it is known to be down"
        yield Problem("interval", said, refused=False)


def _scheme(url: str) -> str:
    return url.partition("://")[0].lower()


def place_of(target: str) -> str:
    """The host and port in what people are shown as a target."""
    words = target.split()
    address = next((word.partition("://")[2] for word in words if "://" in word), words[0] if words else "")
    return re.split("[/?#]", address, maxsplit=1)[0].rpartition("@")[2]


def _taken_apart(url: str) -> tuple[str, str] | None:
    """An address without its password, and the password; None where there is none in it."""
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        return None
    if password is None:
        return None
    user, _, host = parts.netloc.rpartition("@")
    user = user.partition(":")[0]
    return parts._replace(netloc=f"{user}@{host}" if user else host).geturl(), unquote(password)


def _is_number(value: str) -> bool:
    try:
        return abs(float(value)) < 1e300
    except ValueError:
        return False


def _named(name: str) -> str:
    return f"settings.{name}"
