"""What was done to an instance from outside, done again on virtual time."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from datetime import datetime
from typing import Any

from tests.conformance import batches
from tests.conformance.lifecycle_calls import call_instance, takes_time
from tests.conformance.observation import Call, Event, shown_event
from tests.conformance.scenario import Json
from tests.conformance.trace import Trace
from workflows import Engine, InstanceNotFound

__all__ = ["DELETED", "FINAL", "LATENCY", "Outside", "attempted", "history", "stepped_aside"]

LATENCY = 0.05
"""A call took this long on the recorded engine; calls there came one after the other."""
_POLL = 0.02
_PATIENCE = 60.0
FINAL = ("complete", "errored", "terminated")
DELETED = "unknown"
"""The recorded status of what is not there."""
_ALIKE = {"running": ("running", "waiting", "queued")}
"""The recorded engine never showed `waiting`."""


class Outside:
    """Performs the `external` steps on one instance."""

    def __init__(self, engine: Engine, binding: Any, id: str, trace: Trace) -> None:
        self._engine = engine
        self._binding = binding
        self._id = id
        self._trace = trace
        self._clock = trace.clock
        self.calls: list[Call] = []
        self.in_vain: list[str] = []

    async def perform(self, steps: list[dict[str, Json]]) -> None:
        """All steps, in order."""
        for step in steps:
            match step:
                case {"wait_ms": wait}:
                    await self._clock.sleep(wait / 1_000)
                case {"wait_status": str(status)}:
                    await self.wait_for(_ALIKE.get(status, (status,)), step.get("timeout_ms", 8_000) / 1_000)
                case {"wait_trace": dict(line)}:
                    await self._wait_for_trace(line, step.get("timeout_ms", 8_000) / 1_000)
                case {"call": str(method)}:
                    await self._call(method, step.get("args") or [])
                case {"binding": str(method)}:
                    await self._call_binding(method, step.get("args") or [])
                case _:
                    raise NotImplementedError(f"external step {step!r}")

    async def wait_for(self, wanted: tuple[str, ...], patience: float = _PATIENCE) -> str:
        """The status, once it is one of `wanted`."""
        deadline = self._clock.now() + patience
        while (status := await self.status()) not in wanted:
            if self._clock.now() >= deadline:
                self.in_vain.append(f"status {' or '.join(wanted)} was not reached; it is {status}")
                break
            await self._clock.sleep(_POLL)
        return status

    async def status(self) -> str:
        """The present status."""
        try:
            status: str = (await self._binding.get(self._id).status()).status
        except InstanceNotFound:
            return DELETED
        return status

    async def _wait_for_trace(self, line: dict[str, Json], patience: float) -> None:
        seen = asyncio.ensure_future(self._trace.saw(line))
        late = asyncio.ensure_future(self._clock.sleep(patience))
        await asyncio.wait((seen, late), return_when=asyncio.FIRST_COMPLETED)
        if not seen.done():
            self.in_vain.append(f"the program never emitted {line}")
        await stepped_aside(seen, late)

    async def _call(self, method: str, args: list[Json]) -> None:
        await self._clock.sleep(LATENCY)
        with nullcontext() if takes_time(method, args) else self._clock.busy():
            instance = self._binding.get(self._id)
            replays = method == "resume" and await self.status() == "paused"
            self.calls.append(await attempted(method, call_instance(instance, method, args)))
            if replays:  # the recorded engine ran the program again from the top; ours had kept its run
                await self._engine.replay()

    async def _call_binding(self, method: str, args: list[Json]) -> None:
        await self._clock.sleep(LATENCY)
        with self._clock.busy():
            self.calls.append(await attempted(method, call_binding(self._binding, method, args)))


async def call_binding(binding: Any, method: str, args: list[Json]) -> Json:
    """The result of `method(*args)` of a binding, in the recorded notation."""
    match method, args:
        case "create", _:
            return await batches.create(binding, (args[0] if args else None) or {})
        case "get", [id, *_]:
            return await call_instance(binding.get(id), "get", [])  # ours is lazy: it shows at first use
        case "createBatch", [asked, *_]:
            return await batches.create_batch(binding, asked)
        case "deleteBatch", [list(ids), *_]:
            return await batches.delete_batch(binding, ids)
    raise NotImplementedError(f"binding call {method}({', '.join(map(repr, args))})")


async def attempted(method: str, calling: Any) -> Call:
    """How a call ended."""
    try:
        return Call(method, True, await calling)
    except NotImplementedError:
        raise
    except Exception as error:  # noqa: BLE001  # the error is what is compared
        names = tuple(kind.__name__ for kind in type(error).__mro__)
        return Call(method, False, None, names, str(error))


async def history(instance: Any, created: datetime, *, final: bool) -> list[Event]:
    """The events so far."""
    events: list[Event] = []

    async def collect() -> None:
        async for event in instance.subscribe(cursor=0):
            events.append(shown_event(event, created))  # noqa: PERF401  # kept when this is cancelled

    collecting = asyncio.ensure_future(collect())
    await asyncio.wait((collecting,), timeout=5 if final else 0.2)
    await stepped_aside(collecting)
    return events


async def stepped_aside(*tasks: asyncio.Future[Any]) -> None:
    """Cancels what is still under way; an error of what is done is raised."""
    for task in tasks:
        if task.done():
            task.result()
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
