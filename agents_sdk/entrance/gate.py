"""The gate: what a request must pass before anything is made for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from agents_sdk.address import Address
from agents_sdk.definition import Definition
from agents_sdk.entrance import http
from agents_sdk.entrance.cors import Cors
from agents_sdk.entrance.descent import Descent, Hop, Refusal, hops
from agents_sdk.entrance.session import Session
from agents_sdk.errors import NotRunning
from agents_sdk.life.host import Host
from agents_sdk.principal import Principal
from agents_sdk.routing import Route, route
from agents_sdk.security.access import Hook, admitted, principal_of
from agents_sdk.security.body import Body
from agents_sdk.security.limits import Limits
from agents_sdk.security.messages import Messages
from agents_sdk.security.origin import Hosts, Origins, is_local, origin_in, without_cookies
from agents_sdk.security.rate import Calls, Rate, Room
from agents_sdk.security.standing import Standing

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
    limits: Limits
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
        below: Mapping[str, Definition],
        runs: Callable[[], bool],
        address: Callable[[Route], Address],
        host: Callable[[Address], Host],
        make: Callable[[Address, str, int], Awaitable[bool]],
        now: Callable[[], float],
    ) -> None:
        """`below` has the classes of sub-agents, as URLs have them.

        `host` is called for who may come in, after `make` where a principal is known.
        """
        self._rules = rules
        self._prefix = prefix
        self._known = known
        self._below = below
        self._descent = Descent(host, self._may_be)
        self._runs = runs
        self._address = address
        self._host = host
        self._make = make
        self._told = False
        self._rate = Rate(rules.limits.rate, now)
        self._room = Room(rules.limits.connections)
        self._calls = Calls(rules.limits.calls)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through to the agent that its path names, or answers it."""
        await self.lead(route(scope, self._prefix), scope, receive, send)

    async def lead(self, found: Route | None, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through to this agent, or answers it."""
        if found is None:
            await _answer(_text("Not Found", 404), scope, receive, send)
            return
        if (refusal := self._objection(found, scope)) is not None:
            await _answer(refusal, scope, receive, send)
            return
        if scope["type"] == "http":
            send = self._rules.cors.on(send)
            if scope["method"] == "OPTIONS" and self._rules.cors.answers:
                await Response()(scope, receive, send)
                return
        await self._let_in(found, self._as_seen(scope), receive, send)

    def _objection(self, found: Route, scope: Scope) -> Response | None:
        if not self._runs():
            return _text("Service Unavailable", 503)
        if _size(scope) > self._rules.limits.headers:
            return _text("Request Header Fields Too Large", 431)
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
        body = Body(scope, receive, self._rules.limits)
        if scope["type"] == "http" and body.is_too_large:
            await _answer(_text("Content Too Large", 413), scope, receive, send)
            return
        hook = self._rules.hook(scope)
        request = await admitted(hook, scope, body.receive, agent=found.agent, name=found.name)
        below = hops(found.path, self._below)
        body.rewind(last=not below)
        if isinstance(request, Response):
            await _answer(request, scope, receive, send)
            return
        caller = _caller(request)
        if (refusal := self._excess(request, caller)) is not None:
            await _answer(refusal, scope, receive, send)
            return
        try:
            address = self._address(found)
            if not await self._may_be(address, principal_of(request)):
                await _answer(_text("Too Many Requests", 429), scope, receive, send)
                return
            host = self._host(address)
        except NotRunning:  # it stopped while the hook was asked
            await _answer(_text("Service Unavailable", 503), scope, receive, send)
            return
        calls = None if caller is None else self._calls.of(caller)
        if scope["type"] == "http":
            async with calls or nullcontext():
                await self._ask(host, below, request, body, send)
        else:
            with self._room.taken(caller):
                await self._connect(host, below, request, caller, calls, receive, send)

    async def _ask(
        self, host: Host, below: Sequence[Hop], request: HTTPConnection, body: Body, send: Send
    ) -> None:
        led = await self._descent.lead(host, below, request, body)
        if isinstance(led, Refusal):
            await led.response(request.scope, body.receive, send)
            return
        host, request = led
        await http.answer(host, request.scope, body.receive_of(request), send)

    async def _may_be(self, address: Address, principal: Principal | None) -> bool:
        """Whether this agent exists, or this principal may make another one."""
        most = self._rules.limits.agents
        if principal is None or await self._make(address, principal.id, most):
            return True
        _log.warning(
            "principal %r has made %d agents and may make no other: limits=Limits(agents=…) is for more",
            principal.id, most,
        )  # fmt: skip
        return False

    async def _connect(
        self,
        host: Host,
        below: Sequence[Hop],
        request: HTTPConnection,
        caller: str | None,
        calls: asyncio.Semaphore | None,
        receive: Receive,
        send: Send,
    ) -> None:
        limits = self._rules.limits
        standing = Standing(principal_of(request), host.clock)
        if below:  # accepted first: clients wait 4 seconds only, and those above may have to start
            socket = WebSocket(request.scope, receive, send)
            await socket.accept()
            led = await self._descent.lead(host, below, request, Body(request.scope, receive, limits))
            if isinstance(led, Refusal):
                with suppress(WebSocketDisconnect, RuntimeError):  # it may have left meanwhile
                    await socket.close(led.closing.code, led.closing.reason)
                return
            host, request = led
        messages = Messages(
            receive,
            send,
            longest=host.definition.cls.message_limit or limits.message,
            depth=limits.json_depth,
            may_send=lambda: caller is None or self._rate.take(caller),
            standing=standing.objection,
        )
        socket = WebSocket(request.scope, messages.receive, messages.send)
        if below:
            socket.client_state = socket.application_state = WebSocketState.CONNECTED
        await Session(host, socket, messages.send, standing=standing, calls=calls).run()

    def _excess(self, request: HTTPConnection, caller: str | None) -> Response | None:
        """The refusal of what the hook let in, if it is not enough or too much."""
        is_socket = request.scope["type"] == "websocket"
        if is_socket and self._lacks_token(request):
            return _text("Forbidden", 403)
        if caller is None:
            return None
        is_full = self._room.is_full(caller) if is_socket else self._calls.of(caller).locked()
        if not self._rate.take(caller) or is_full:
            return PlainTextResponse("Too Many Requests", status_code=429, headers={"retry-after": "1"})
        return None

    def _lacks_token(self, request: HTTPConnection) -> bool:
        """No browser, and the hook has not found out who it is."""
        if self._rules.insecure_no_auth or principal_of(request) is not None or is_local(request.scope):
            return False
        return origin_in(request.scope) is None


def _caller(request: HTTPConnection) -> str | None:
    """Under which name the caller is counted; None for who is unnamed on this machine."""
    principal = principal_of(request)
    if principal is not None:
        return f"principal {principal.id}"
    return None if is_local(request.scope) else f"address {(request.scope.get('client') or [''])[0]}"


async def _answer(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await answer(scope, receive, send)
        return
    socket = WebSocket(scope, receive, send)
    if "websocket.http.response" in _extensions(scope):
        await socket.send_denial_response(answer)
    else:
        await socket.close()


def _size(scope: Scope) -> int:
    fields = sum(len(name) + len(value) for name, value in scope["headers"])
    return fields + len(scope.get("raw_path") or scope["path"]) + len(scope.get("query_string", b""))


def _extensions(scope: Mapping[str, object]) -> Collection[str]:
    extensions = scope.get("extensions")
    return extensions if isinstance(extensions, dict) else ()


def _text(text: str, status: int) -> Response:
    return PlainTextResponse(text, status_code=status)
