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
        """`{"count": 10, "gap": 0.2}`: broadcasts so many, so many seconds apart. `{}`: tells how it is.

        Each has the time at which it was due. What became due while others had their turn is sent at once.
        """
        told = json.loads(message)
        if not told:
            connection.send("stats " + json.dumps(self._stats()))
            return
        filling = "n" * told.get("size", 100)
        start, gap, number = time.monotonic_ns(), told["gap"] * 1e9, 0
        while number < told["count"]:
            now = time.monotonic_ns()
            while number < told["count"] and (due := start + int(number * gap)) <= now:
                self.broadcast(f"tick {number} {due} {filling}")
                number += 1
            await asyncio.sleep(max(0, start + number * gap - time.monotonic_ns()) / 1e9)

    def _stats(self) -> Reply:
        queued = [one.queued for one in self.connections]
        return {
            "open": len(queued),
            "most_queued": max(queued),
            "queued": sum(queued),
            "rss": resident(),
            "cpu": time.process_time(),
        }


async def _serve(request: Request) -> Reply:
    """Prints its port, and serves until the input ends."""
    many_files()
    app = AgentsApp([Room], data=request["folder"])
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if "send_buffer" in request:  # sockets that are accepted have what the listener has
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, request["send_buffer"])
        listener.listen(4_096)
        config = uvicorn.Config(app, log_level="warning", ws=request["ws"], backlog=4_096)
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
