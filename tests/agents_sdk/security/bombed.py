"""A server that tells on which port it listens, and on request how much memory it has needed at most."""

from __future__ import annotations

import asyncio
import resource
import socket
import sys
from typing import Any

import uvicorn

from agents_sdk import Agent, AgentsApp, Connection
from tests.agents_sdk.served import FRAMES


class Echo(Agent[Any, None]):
    async def on_message(self, connection: Connection, message: str | bytes) -> None:
        connection.send(str(len(message)))


async def main(folder: str) -> None:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    app = AgentsApp([Echo], data=folder)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", ws=FRAMES, ws_max_size=1 << 20))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.01)
    print(listener.getsockname()[1], flush=True)  # noqa: T201
    while await asyncio.to_thread(sys.stdin.readline):
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)  # noqa: T201
    server.should_exit = True
    await serving


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
