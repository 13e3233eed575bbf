"""What the official clients are driven against: `python -m tests.npm.app --port N [--data DIR]`."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import uvicorn
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from agents_sdk import Agent, AgentsApp
from tests.npm.chat import ChatDrop, ChatEcho, ChatLatest
from tests.npm.counter import Counter
from tests.npm.lead import ChatLead
from tests.npm.parent import Child, Parent
from tests.npm.plain import Plain, Upper
from tests.npm.sched import Sched
from tests.npm.thrower import Thrower

__all__ = ["AGENTS", "Served", "app", "main"]

AGENTS: dict[str, type[Agent[Any, Any]]] = {
    "Counter": Counter,
    "Plain": Plain,
    "MY_UPPER": Upper,
    "Parent": Parent,
    "ChatEcho": ChatEcho,
    "ChatLatest": ChatLatest,
    "ChatDrop": ChatDrop,
    "ChatLead": ChatLead,
    "Sched": Sched,
    "Thrower": Thrower,
}
"""By the names of their bindings, from which URLs are made."""

_PAGES = ("http://localhost:*", "http://127.0.0.1:*")


class Served:
    """The agents, and one path of the outer app, which leads to an instance that the server picks."""

    def __init__(self, agents: AgentsApp) -> None:
        self._agents = agents

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and scope["path"].split("/")[1:2] == ["custom-path"]:
            await self._agents.forward(Counter, "server-picked", scope, receive, send)
        else:
            await self._agents(scope, receive, send)


def app(data: Path) -> Served:
    """The app over a folder."""
    return Served(
        AgentsApp(
            AGENTS,
            sub_agents=[Child],
            data=data,
            cors=True,
            allowed_origins=_PAGES,
            on_before_connect=_admitted,
            on_before_request=_admitted,
        )
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves until it is stopped; without a folder, nothing is kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.npm.app", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, help="what it keeps over restarts")
    parser.add_argument("--ws", default="agents_sdk.sockets.uvicorn:Protocol", help="see uvicorn")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        data = options.data or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        uvicorn.run(
            app(data),
            host="127.0.0.1",
            port=options.port,
            log_level="warning",
            ws=options.ws,
            ws_max_size=ChatEcho.message_limit or 1 << 20,
        )


def _admitted(request: HTTPConnection, _agent: str, _name: str) -> Response | None:
    if request.query_params.get("token") == "bad":
        return PlainTextResponse("Unauthorized", status_code=401)
    return None


if __name__ == "__main__":
    main()
