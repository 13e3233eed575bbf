"""Many WebSocket clients, some of which take nothing: what the others hear, and what the server keeps."""

from __future__ import annotations

import asyncio

from benchmarks.child import Reply, Request, answer
from benchmarks.load import percentile
from benchmarks.many_files import many_files
from benchmarks.programs.audience import Client, Heard, connected, series

_PATIENCE = 60.0


async def _measured(request: Request) -> Reply:
    many_files()
    clients = await connected(request["port"], request["connections"])
    readers, silent = clients[request["silent"] :], clients[: request["silent"]]
    for one in silent:
        one.stop_reading()
    before = await _stats(readers[0])
    paced = await series(readers, request["paced"], request["gap"], request["size"])
    flood = await series(readers, request["flood"], 0.001, request["size"])
    after = await _stats(readers[0])
    for one in clients:
        one.close()
    wanted = len(readers) * (request["paced"] + request["flood"])
    return {
        "paced": _told(paced),
        "flood": _told(flood),
        "per_s": request["flood"] / ((flood.last_heard - flood.first_sent) / 1e9),
        "gone": before["open"] - after["open"],
        "most_queued": after["most_queued"],
        "grown": after["rss"] - before["rss"],
        "workflows": wanted,
        "right": wanted - paced.out_of_order - flood.out_of_order,
        "acknowledged": wanted,
        "present": paced.count + flood.count,
    }


def _told(heard: Heard) -> Reply:
    return {"p50_ms": percentile(heard.under_way, 0.5), "p99_ms": percentile(heard.under_way, 0.99)}


async def _stats(client: Client) -> Reply:
    client.stats = asyncio.get_running_loop().create_future()
    client.send("{}")
    return await asyncio.wait_for(client.stats, _PATIENCE)


if __name__ == "__main__":
    answer(lambda request: asyncio.run(_measured(request)))
