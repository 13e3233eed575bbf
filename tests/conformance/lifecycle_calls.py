"""Calls of the recorded API on an instance, made on ours."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.conformance.markers import given, notation
from tests.conformance.scenario import Json

__all__ = ["TAKES_TIME", "call_instance", "shown_status", "takes_time"]

TAKES_TIME = frozenset({"subscribe"})
"""Calls that return when something has happened."""
_KINDS = {"do": "do", "sleep": "sleep", "waitForEvent": "wait_for_event"}
_OURS = "workflow_waiting"
"""The recorded engine never showed this event."""


def takes_time(method: str, args: list[Json]) -> bool:
    """The clock has to go on while this call is under way."""
    undoes = method == "terminate" and bool(args) and bool((args[0] or {}).get("rollback"))
    return undoes or method in TAKES_TIME


async def call_instance(instance: Any, method: str, args: list[Json]) -> Json:
    """The result of `method(*args)` in the recorded notation."""
    match method, args:
        case "status", _:
            return shown_status(await instance.status())
        case "get", _:
            await instance.status()
            return {"id": instance.id}
        case "sendEvent", [dict(event), *_]:
            await instance.send_event(event.get("type"), given(event.get("payload")))
        case "restart", [{"from": dict(step)}, *_]:
            kind = _KINDS[step.get("type") or "do"]
            await instance.restart(from_step=step["name"], count=step.get("count") or 1, kind=kind)
        case "terminate", [{"rollback": bool(rollback)}, *_]:
            await instance.terminate(rollback=rollback)
        case (("pause" | "resume" | "restart" | "terminate" | "delete"), _):
            await getattr(instance, method)()
        case "subscribe", _:
            return await _subscribed(instance, (args[0] if args else None) or {})
        case _:
            raise NotImplementedError(f"call {method}({', '.join(map(repr, args))})")
    return None


def shown_status(status: Any) -> Json:
    """A status as the recordings have it."""
    error = {"name": status.error.name, "message": status.error.message} if status.error else None
    return {"status": status.status, "output": notation(status.output), "error": error}


async def _subscribed(instance: Any, options: dict[str, Json]) -> Json:
    """The types of what a subscription shows until the instance ends."""
    cursor, wanted = options.get("cursor"), options.get("filter")
    async with asyncio.timeout(5):
        if type(cursor) is int and cursor > 0:
            ids = [event.event_id async for event in instance.subscribe() if event.type != _OURS]
            cursor = ids[min(cursor, len(ids)) - 1]  # the same place in our numbers
        place = 0 if cursor is None else cursor
        types = [event.type async for event in instance.subscribe(cursor=place, filter=wanted)]
    return [type for type in types if type != _OURS]
