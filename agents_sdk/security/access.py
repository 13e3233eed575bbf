"""The hooks that decide who may come in, before anything is made for them."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope

from agents_sdk.connection import Connection
from agents_sdk.principal import Principal
from agents_sdk.security.failure import failure

__all__ = ["Hook", "Principal", "admitted", "principal_of"]

_log = logging.getLogger(__name__)

_KEY = "agents_sdk.principal"
_BODILESS = (204, 304)


Decision: TypeAlias = Response | HTTPConnection | Principal | None
Hook: TypeAlias = Callable[[Any, str, str], Decision | Awaitable[Decision]]
"""Takes the request, the agent's name in the URL, and the instance's.

A `Response` refuses, a `Principal` says who it is, a `Request` replaces the request, None lets it in unnamed.
"""


def principal_of(asking: HTTPConnection | Connection) -> Principal | None:
    """Who sent a request, or opened a connection, as the hook of the app said; None for who is unnamed.

    It is the same for `on_request`, for the `request` of `on_connect`, and for what that connection does.
    """
    if isinstance(asking, Connection):
        return asking.principal
    found = asking.scope.get(_KEY)
    return found if isinstance(found, Principal) else None


async def admitted(
    hook: Hook | None, scope: Scope, receive: Receive, *, agent: str, name: str
) -> HTTPConnection | Response:
    """The request that the agent is to see, or the answer that refuses it."""
    scope = {key: value for key, value in scope.items() if key != _KEY}
    request = Request(scope, receive) if scope["type"] == "http" else HTTPConnection(scope)
    if hook is None:
        return request
    try:
        decision: object = hook(request, agent, name)
        if inspect.isawaitable(decision):
            decision = await decision
        return _followed(decision, request)
    except HTTPException as refusal:
        return _refusal(refusal)
    except Exception as error:  # noqa: BLE001  # the client gets no trace
        what = f"the hook before a {scope['type']}"
        _log.exception("%s raised", what)
        return failure(what, error)


def _followed(decision: object, request: HTTPConnection) -> HTTPConnection | Response:
    match decision:
        case None:
            return request
        case Response() | HTTPConnection():
            return decision
        case Principal():
            request.scope[_KEY] = decision
            return request
    raise TypeError(f"a hook returned {decision!r}: return a Response, a Request, a Principal or None")


def _refusal(refusal: HTTPException) -> Response:
    if refusal.status_code in _BODILESS:
        return Response(status_code=refusal.status_code, headers=refusal.headers)
    return PlainTextResponse(refusal.detail, refusal.status_code, refusal.headers)
