"""The gate: what a request must pass before anything is made for it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from agents_sdk import http
from agents_sdk.cors import Cors
from agents_sdk.errors import NotRunning
from agents_sdk.host import Host
from agents_sdk.routing import Route, route
from agents_sdk.security.access import Hook, admitted, principal_of
from agents_sdk.security.origin import Hosts, Origins, is_local, origin_in, without_cookies
from agents_sdk.session import Session

__all__ = ["Gate", "Rules"]

_log = logging.getLogger(__name__)

_FOR_STRANGERS = (
    "a client came in at %s, which other machines can reach, and nothing asks who it is: it was refused. "
    "Give AgentsApp %s, or insecure_no_auth=True"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What an app was told about who may come in."""

    on_before_connect: Hook | None
    on_before_request: Hook | None
    hosts: Hosts
    origins: Origins
    cors: Cors
    insecure_no_auth: bool

    def hook(self, scope: Scope) -> Hook | None:
        """The one that decides about this request."""
        return self.on_before_request if scope["type"] == "http" else self.on_before_connect


class Gate:
    """Asks, in this order: is it for agents, `Host`, `Origin`, which agent, then the hook."""

    def __init__(
        self,
        rules: Rules,
        *,
        prefix: str,
        known: Collection[str],
        runs: Callable[[], bool],
        host: Callable[[Route], Host],
    ) -> None:
        """`host` is called for who may come in only."""
        self._rules = rules
        self._prefix = prefix
        self._known = known
        self._runs = runs
        self._host = host
        self._told = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through to its agent, or answers it."""
        found = route(scope, self._prefix)
        refusal = self._objection(found, scope)
        if refusal is not None or found is None:
            await _answer(refusal or _text("Not Found", 404), scope, receive, send)
            return
        if scope["type"] == "http":
            send = self._rules.cors.on(send)
            if scope["method"] == "OPTIONS" and self._rules.cors.answers:
                await Response()(scope, receive, send)
                return
        await self._let_in(found, self._as_seen(scope), receive, send)

    def _objection(self, found: Route | None, scope: Scope) -> Response | None:
        if found is None:
            return _text("Not Found", 404)
        if not self._runs():
            return _text("Service Unavailable", 503)
        status = self._rules.hosts.objection(scope)
        if status is not None:
            return _text("Misdirected Request" if status == 421 else "Bad Request", status)
        if not (self._is_own_page(scope) or self._is_opened(scope)) or self._is_stranger(scope):
            return _text("Forbidden", 403)
        return None if found.agent in self._known else _text("Invalid request", 400)

    def _is_own_page(self, scope: Scope) -> bool:
        """Or no page at all."""
        return self._rules.origins.allows(scope, local=self._rules.hook(scope) is None and is_local(scope))

    def _is_opened(self, scope: Scope) -> bool:
        return scope["type"] == "http" and self._rules.cors.opens_to(origin_in(scope))

    def _is_stranger(self, scope: Scope) -> bool:
        """Nobody asks who they are, and they may be on another machine."""
        if self._rules.insecure_no_auth or self._rules.hook(scope) is not None or is_local(scope):
            return False
        if not self._told:
            self._told = True
            which = "on_before_request" if scope["type"] == "http" else "on_before_connect"
            _log.error(_FOR_STRANGERS, (scope.get("server") or ["an unknown address"])[0], which)
        return True

    def _as_seen(self, scope: Scope) -> Scope:
        """Cookies count only where a browser says that an own page sends them."""
        no_page = scope["type"] == "websocket" and origin_in(scope) is None
        return without_cookies(scope) if no_page or not self._is_own_page(scope) else scope

    async def _let_in(self, found: Route, scope: Scope, receive: Receive, send: Send) -> None:
        hook = self._rules.hook(scope)
        request = await admitted(hook, scope, receive, agent=found.agent, name=found.name)
        if isinstance(request, Response):
            await _answer(request, scope, receive, send)
            return
        if scope["type"] == "websocket" and self._lacks_token(request):
            await _answer(_text("Forbidden", 403), scope, receive, send)
            return
        try:
            host = self._host(found)
        except NotRunning:  # it stopped while the hook was asked
            await _answer(_text("Service Unavailable", 503), scope, receive, send)
            return
        if scope["type"] == "http":
            body = request.receive if isinstance(request, Request) else receive
            await http.answer(host, request.scope, body, send)
        else:
            await Session(host, WebSocket(request.scope, receive, send)).run()

    def _lacks_token(self, request: HTTPConnection) -> bool:
        """No browser, and the hook has not found out who it is."""
        if self._rules.insecure_no_auth or principal_of(request) is not None or is_local(request.scope):
            return False
        return origin_in(request.scope) is None


async def _answer(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await answer(scope, receive, send)
        return
    socket = WebSocket(scope, receive, send)
    if "websocket.http.response" in _extensions(scope):
        await socket.send_denial_response(answer)
    else:
        await socket.close()


def _extensions(scope: Mapping[str, object]) -> Collection[str]:
    extensions = scope.get("extensions")
    return extensions if isinstance(extensions, dict) else ()


def _text(text: str, status: int) -> Response:
    return PlainTextResponse(text, status_code=status)
