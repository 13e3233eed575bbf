"""Many WebSocket clients, some of which take nothing: what the others hear, and what the server keeps."""

from __future__ import annotations

import asyncio

from benchmarks.child import Reply, Request, answer
from benchmarks.many_files import many_files
from benchmarks.programs.audience import Client, connected, series
from benchmarks.programs.heard import Heard

_PATIENCE = 60.0


async def _measured(request: Request) -> Reply:
    """Each of `series` is `{"name": …, "count": …, "gap": …, "size": …}`."""
    many_files()
    clients = await connected(request["port"], request["connections"])
    readers, silent = clients[request["silent"] :], clients[: request["silent"]]
    for one in silent:
        one.stop_reading()
    before = await _stats(readers[0])
    heard: list[Heard] = []
    told: dict[str, Reply] = {}
    for one_series in request["series"]:
        started = await _stats(readers[0])
        heard.append(await series(readers, one_series["count"], one_series["gap"], one_series["size"]))
        ended = await _stats(readers[0])
        told[one_series["name"]] = _told(heard[-1], ended["cpu"] - started["cpu"])
    after = await _stats(readers[0])
    for client in clients:
        client.close()
    wanted = sum(one.wanted for one in heard)
    return {
        "series": told,
        "gone": before["open"] - after["open"],
        "most_queued": after["most_queued"],
        "grown": after["rss"] - before["rss"],
        "workflows": wanted,
        "right": wanted - sum(one.wrong for one in heard),
        "acknowledged": wanted,
        "present": sum(one.count for one in heard),
    }


def _told(heard: Heard, cpu: float) -> Reply:
    p50, p99 = heard.share(0.5, 0.99)
    return {
        "p50_ms": p50,
        "p99_ms": p99,
        "per_s": len(heard.ends) / heard.seconds,
        "server_ns": cpu * 1e9 / heard.count,
    }


async def _stats(client: Client) -> Reply:
    client.stats = asyncio.get_running_loop().create_future()
    client.send("{}")
    return await asyncio.wait_for(client.stats, _PATIENCE)


if __name__ == "__main__":
    answer(lambda request: asyncio.run(_measured(request)))
