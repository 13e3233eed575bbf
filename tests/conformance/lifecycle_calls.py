"""Calls of the recorded API on an instance, made on ours."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.conformance.markers import notation
from tests.conformance.scenario import Json

__all__ = ["call_instance", "shown_status"]


_KINDS = {"do": "do", "sleep": "sleep", "waitForEvent": "wait_for_event"}


async def call_instance(instance: Any, method: str, args: list[Json]) -> Json:
    """The result of `method(*args)` in the recorded notation."""
    match method, args:
        case "status", _:
            return shown_status(await instance.status())
        case "sendEvent", [dict(event), *_]:
            await instance.send_event(event["type"], event.get("payload"))
        case "restart", [{"from": dict(step)}]:
            kind = _KINDS[step.get("type", "do")]
            await instance.restart(from_step=step["name"], count=step.get("count", 1), kind=kind)
        case "terminate", [{"rollback": bool(rollback)}]:
            await instance.terminate(rollback=rollback)
        case (("pause" | "resume" | "restart" | "terminate" | "delete"), _):
            await getattr(instance, method)()
        case "subscribe", _:
            return await _subscribed(instance, args[0] if args else {})
        case _:
            raise NotImplementedError(f"call {method}({', '.join(map(repr, args))})")
    return None


def shown_status(status: Any) -> Json:
    """A status as the recordings have it."""
    error = {"name": status.error.name, "message": status.error.message} if status.error else None
    return {"status": status.status, "output": notation(status.output), "error": error}


async def _subscribed(instance: Any, options: dict[str, Json]) -> Json:
    wanted = options.get("filter")
    async with asyncio.timeout(5):
        events = instance.subscribe(cursor=options.get("cursor", 0))
        return [event.type async for event in events if wanted is None or event.type in wanted]
