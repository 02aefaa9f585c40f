"""Which exception lay behind an answer of 500: frameworks catch it before a middleware sees it, and tell by a hook."""

from __future__ import annotations

import sys
from collections.abc import MutableMapping
from importlib import import_module
from typing import Any

KEY = "century.failure"


def note(request: MutableMapping[str, Any], error: BaseException) -> None:
    """Remember it in the ASGI scope or WSGI environ."""
    request[KEY] = error


def noted(request: MutableMapping[str, Any]) -> BaseException | None:
    """What was remembered, once."""
    found: BaseException | None = request.pop(KEY, None)
    return found


def listen(app: Any) -> None:
    """Hook into Litestar, Flask or Django, whichever the application is made with; Starlette raises by itself."""
    app = getattr(app, "__self__", app)  # flask.wsgi_app is a bound method
    if _made_by(app, "litestar", "Litestar"):
        app.after_exception.append(_litestar)
    elif _made_by(app, "flask", "Flask"):
        sys.modules["flask"].got_request_exception.connect(_flask, app)
    elif _made_by(app, "django.core.handlers.base", "BaseHandler"):
        import_module("django.core.signals").got_request_exception.connect(_django)


def _made_by(app: object, module: str, name: str) -> bool:
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(app, kind)


async def _litestar(error: Exception, scope: MutableMapping[str, Any]) -> None:
    note(scope, error)


def _flask(sender: Any, exception: BaseException, **_: Any) -> None:
    note(sys.modules["flask"].request.environ, exception)


def _django(sender: Any, request: Any = None, **_: Any) -> None:
    error = sys.exc_info()[1]
    place = getattr(request, "environ", None) or getattr(request, "scope", None)
    if error is not None and place is not None:
        note(place, error)
