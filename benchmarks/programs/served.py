"""One agent on a real server on loopback, which broadcasts what it is told to."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time

import uvicorn

from agents_sdk import Agent, AgentsApp, Connection
from benchmarks.child import Reply, Request, answer
from benchmarks.many_files import many_files
from benchmarks.resident import resident


class Room(Agent[None, None]):
    """Everybody hears everything."""

    async def on_message(self, connection: Connection, message: str | bytes) -> None:
        """`{"count": 10, "gap": 0.2}`: broadcasts so many, so many seconds apart. `{}`: tells how it is."""
        told = json.loads(message)
        if not told:
            connection.send("stats " + json.dumps(self._stats()))
            return
        for number in range(told["count"]):
            self.broadcast(f"tick {number} {time.monotonic_ns()} " + "n" * told.get("size", 100))
            await asyncio.sleep(told["gap"])

    def _stats(self) -> Reply:
        queued = [one.queued for one in self.connections]
        return {"open": len(queued), "most_queued": max(queued), "queued": sum(queued), "rss": resident()}


async def _serve(request: Request) -> Reply:
    """Prints its port, and serves until the input ends."""
    many_files()
    app = AgentsApp([Room], data=request["folder"])
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if "send_buffer" in request:  # sockets that are accepted have what the listener has
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, request["send_buffer"])
        listener.listen(4_096)
        config = uvicorn.Config(app, log_level="warning", ws="websockets-sansio", backlog=4_096)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.01)
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        server.should_exit = True
        await serving
    return {}


if __name__ == "__main__":
    answer(lambda request: asyncio.run(_serve(request)))
