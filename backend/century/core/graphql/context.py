"""What a resolver is given: who asks, from where, and the application."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import strawberry

from century.core.actor import Actor

if TYPE_CHECKING:
    from century.core.settings import Settings
    from century.core.work import Works


@dataclass(slots=True)
class Context:
    """One operation's surroundings. `app` is the `century.server.App`: core names no stage, so it is not typed here.

    `place` is where a subscription to a log of events stands: the number of the event it tells.
    """

    app: Any
    actor: Actor
    address: str | None = None
    request_id: str | None = None
    loaders: dict[str, Any] = field(default_factory=dict)
    place: int | None = None

    @property
    def works(self) -> "Works":
        return self.app.works  # type: ignore[no-any-return]

    @property
    def settings(self) -> "Settings":
        return self.app.settings  # type: ignore[no-any-return]


Info = strawberry.Info[Context, None]
