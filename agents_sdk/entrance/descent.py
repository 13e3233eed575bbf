"""From an agent to its sub-agents: `/sub/{kebab of the class}/{name}` behind its URL, once for each level."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response

from agents_sdk.address import LEVELS, SUB, Address, PathStep
from agents_sdk.connection import Closing
from agents_sdk.definition import Definition
from agents_sdk.entrance import http
from agents_sdk.errors import NotRunning
from agents_sdk.life.host import Host, StartFailed
from agents_sdk.principal import Principal
from agents_sdk.security.access import principal_of
from agents_sdk.security.body import Body

__all__ = ["Descent", "Hop", "Refusal", "hops"]

_RETRY = 1011


@dataclass(frozen=True, slots=True)
class Hop:
    """One level down: which sub-agent, and the rest of the path, as it stands in the URL."""

    step: PathStep
    rest: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a client does not come to a sub-agent: in HTTP, and on a WebSocket."""

    response: Response
    closing: Closing


def hops(path: Sequence[str], known: Mapping[str, Definition]) -> tuple[Hop, ...]:
    """The sub-agents that the raw segments behind an agent's name lead to, top down.

    They end at a class that is not known, and at a name that is not UTF-8: from there it is an agent's path.
    """
    found: list[Hop] = []
    rest = tuple(path)
    while len(rest) > 2 and rest[0] == SUB and (definition := known.get(rest[1])) is not None:
        try:
            name = unquote(rest[2], errors="strict")
        except UnicodeDecodeError:
            break
        rest = rest[3:]
        found.append(Hop(PathStep(definition.name, name), rest))
    return tuple(found)


class Descent:
    """Asks each agent on the way down whether the client may go further."""

    def __init__(
        self,
        host: Callable[[Address], Host],
        may_be: Callable[[Address, Principal | None], Awaitable[bool]],
    ) -> None:
        """`may_be` says whether there is this agent, or this principal may make it."""
        self._host = host
        self._may_be = may_be

    async def lead(
        self, host: Host, below: Sequence[Hop], request: HTTPConnection, body: Body
    ) -> tuple[Host, HTTPConnection] | Refusal:
        """The sub-agent that is last in `below`, and the request as that one sees it: the path ends there.

        An agent is started and asked before the next one is made.
        """
        if len(below) >= LEVELS:
            return _refused(PlainTextResponse("Invalid request", status_code=400))
        principal = principal_of(request)
        for hop in below:
            asked = await self._ask(host, request, hop.step)
            if isinstance(asked, Refusal):
                return asked
            address, request = asked
            body.rewind(last=hop is below[-1])
            request = _shortened(request, hop.rest, body)
            try:
                if not await self._may_be(address, principal):
                    return _refused(PlainTextResponse("Too Many Requests", status_code=429))
                host = self._host(address)
            except NotRunning:
                return _NOT_RUNNING
        return host, request

    async def _ask(
        self, host: Host, request: HTTPConnection, child: PathStep
    ) -> tuple[Address, HTTPConnection] | Refusal:
        try:
            async with host.event(request=request) as agent:
                address = agent.ctx.address.child(agent.ctx.id, child.class_name, child.name)
                try:
                    decision: object = await agent.on_before_sub_agent(request, child)
                    return _followed(decision, address, request)
                except HTTPException as error:
                    return _refused(http.refusal(error))
                except Exception as error:  # noqa: BLE001  # the client gets no trace
                    return _failed(await host.report(error) or http.failed(host, error))
        except StartFailed as failed:
            return _failed(failed.answer or http.failed(host, failed.error))
        except NotRunning:
            return _NOT_RUNNING


def _followed(
    decision: object, address: Address, request: HTTPConnection
) -> tuple[Address, HTTPConnection] | Refusal:
    match decision:
        case None:
            return address, request
        case Response():
            return _refused(decision)
        case HTTPConnection():
            return address, decision
    raise TypeError(f"on_before_sub_agent returned {decision!r}: return a Response, a request or None")


def _shortened(request: HTTPConnection, rest: Sequence[str], body: Body) -> HTTPConnection:
    path = "/" + "/".join(rest)
    scope = {**request.scope, "path": unquote(path), "raw_path": path.encode(), "root_path": ""}
    scope.pop("app_root_path", None)
    return Request(scope, body.receive_of(request)) if scope["type"] == "http" else HTTPConnection(scope)


def _refused(response: Response) -> Refusal:
    """An agent has decided so."""
    code = 4000 + response.status_code if 400 <= response.status_code < 500 else _RETRY
    return Refusal(response, Closing(code, f"Sub-agent connection rejected ({response.status_code})"))


def _failed(response: Response) -> Refusal:
    """Something raised: whatever `on_error` answers, it may be better the next time."""
    return Refusal(response, Closing(_RETRY, f"Sub-agent connection rejected ({response.status_code})"))


_NOT_RUNNING = Refusal(
    PlainTextResponse("Service Unavailable", status_code=503), Closing(1012, "service restart")
)
