"""The workflow that runs a recorded program: one method per operation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from datetime import UTC, datetime
from typing import Any

from tests.conformance import thrown
from tests.conformance.lifecycle_calls import call_instance
from tests.conformance.markers import Surroundings, notation, resolve
from tests.conformance.scenario import Json
from tests.conformance.step_call import StepCall
from tests.conformance.trace import Trace
from tests.conformance.units import seconds
from workflows import StepContext, StepStream, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

__all__ = ["Interpreter", "Program"]

Ops = list[dict[str, Json]]


class Interpreter(WorkflowEntrypoint[Trace, dict[str, Any]]):
    """Runs `payload["ops"]`."""

    async def run(self, event: WorkflowEvent[dict[str, Any]], step: WorkflowStep) -> Any:
        """The value of the program's `return`."""
        trace = self.env
        trace.emit("run_start")
        program = Program(self, step, {"event_payload": event.payload.get("input")})
        try:
            returned = await program.run(event.payload["ops"])
        except Exception as error:
            trace.emit("run_throw", error=thrown.described(error))
            raise
        trace.emit("run_end")
        return returned[0] if returned else None


class Program:
    """One run of a program over its variables."""

    def __init__(self, workflow: Interpreter, step: WorkflowStep, variables: dict[str, Json]) -> None:
        self.trace = workflow.env
        self.variables = variables
        self._workflow = workflow
        self._step = step
        self._unawaited: set[asyncio.Future[Any]] = set()

    async def run(self, ops: Ops, ctx: StepContext | None = None) -> tuple[Any] | None:
        """The value of a `return`, in a tuple; None when there was none."""
        for op in ops:
            if op["op"] == "return":
                return (dict(self.variables) if op.get("vars") else self.value(op.get("value"), ctx),)
            if (returned := await self._perform(op)) is not None:
                return returned
        return None

    def value(self, value: Json, ctx: StepContext | None = None) -> Any:
        """`value` with its markers resolved."""
        return resolve(value, Surroundings(self.trace.clock.now(), self.variables, ctx))

    async def _perform(self, op: dict[str, Json]) -> tuple[Any] | None:
        match op["op"]:
            case "do":
                await self._do(op)
            case "sleep":
                await self._step.sleep(op["name"], seconds(op["duration"]))
                self._store(op, None)
            case "sleepUntil":
                await self._step.sleep_until(op["name"], self._instant(op))
                self._store(op, None)
            case "waitForEvent":
                await self._wait_for_event(op)
            case "all" | "race" | "allSettled" | "any":
                branches = [self._branch(branch) for branch in op["branches"]]
                self._store(op, await _COMBINED[op["op"]](branches))
            case "try":
                return await self._try(op)
            case "throw":
                raise thrown.error_of(op["error"])
            case "repeat":
                return await self._repeat(op)
            case "delay":
                await self.trace.clock.sleep(op["ms"] / 1_000)
            case "mark":
                self.trace.emit("mark", **{key: value for key, value in op.items() if key != "op"})
            case "self":
                await self._call_self(op)
            case other:
                raise NotImplementedError(f"operation {other!r}")
        return None

    def _store(self, op: dict[str, Json], value: Json) -> None:
        if "as" in op:
            self.variables[op["as"]] = value

    async def _do(self, op: dict[str, Json]) -> None:
        call = StepCall(self, op)
        called = call.start(self._step)
        if op.get("no_await"):
            self._leave(asyncio.ensure_future(called), call.name)
            return
        value = await called
        if op.get("read_stream"):
            value = await _read(value)
        self.trace.emit("result", step=call.name, value=notation(value))
        self._store(op, value)

    def _leave(self, future: asyncio.Future[Any], name: str) -> None:
        def ended(done: asyncio.Future[Any]) -> None:
            self._unawaited.discard(done)
            if not done.cancelled() and (error := done.exception()) is not None:
                self.trace.emit("unawaited_err", step=name, error=thrown.described(error))

        self._unawaited.add(future)
        future.add_done_callback(ended)

    def _instant(self, op: dict[str, Json]) -> datetime | float:
        if "offset_ms" in op:
            at = self.trace.clock.now() + op["offset_ms"] / 1_000
        else:
            at = (self.variables[op["at_var"]] if "at_var" in op else op["at_ms"]) / 1_000
        return datetime.fromtimestamp(at, UTC) if op.get("as_date") else at

    async def _wait_for_event(self, op: dict[str, Json]) -> None:
        timeout = {"timeout": seconds(op["timeout"])} if "timeout" in op else {}
        event = await self._step.wait_for_event(op["name"], op["type"], **timeout)
        self.trace.emit("event_received", step=op["name"])
        received = {
            "type": event.type,
            "payload": event.payload,
            "timestamp_is_date": isinstance(event.timestamp, datetime),
            "keys": sorted(key for key in ("payload", "timestamp", "type") if hasattr(event, key)),
        }
        self._store(op, received)

    async def _branch(self, ops: Ops) -> Json:
        await self.run(ops)
        return self.variables.get(ops[-1].get("as", "")) if ops else None

    async def _try(self, op: dict[str, Json]) -> tuple[Any] | None:
        try:
            return await self.run(op["ops"])
        except NotImplementedError:
            raise
        except Exception as error:  # noqa: BLE001  # as `catch` of the recorded programs does
            caught = thrown.described(error)
            self.trace.emit("caught", error=caught)
            self.variables[op.get("as", "err")] = caught
            return await self.run(op["catch"]) if op.get("catch") else None

    async def _repeat(self, op: dict[str, Json]) -> tuple[Any] | None:
        for _ in range(op["times"]):
            if (returned := await self.run(op["ops"])) is not None:
                return returned
        return None

    async def _call_self(self, op: dict[str, Json]) -> None:
        self._store(op, await call_instance(self._workflow.instance, op["call"], op.get("args") or []))


async def _read(stream: StepStream) -> dict[str, int]:
    """Its length, which must be what it says, in the notation of results: the whole is no value."""
    content = await stream.read()
    if len(content) != stream.size:
        raise thrown.Error(f"the stream has {len(content)} bytes, and says {stream.size}")
    return {"$bytes": len(content)}


Branch = Coroutine[Any, Any, Json]


async def _all(branches: list[Branch]) -> Json:
    return list(await asyncio.gather(*branches))


async def _race(branches: list[Branch]) -> Json:
    tasks = [asyncio.ensure_future(branch) for branch in branches]
    done, late = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in late:
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    return next(task for task in tasks if task in done).result()


async def _all_settled(branches: list[Branch]) -> Json:
    async def settled(branch: Awaitable[Json]) -> Json:
        try:
            return {"status": "fulfilled", "value": await branch}
        except NotImplementedError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever rejected it
            return {"status": "rejected", "reason": thrown.described(error)}

    return list(await asyncio.gather(*map(settled, branches)))


async def _any(branches: list[Branch]) -> Json:
    tasks = [asyncio.ensure_future(branch) for branch in branches]
    for first in asyncio.as_completed(tasks):
        try:
            return await first
        except NotImplementedError:
            raise
        except Exception:  # noqa: BLE001  # a rejected branch is passed over, whatever rejected it
            continue
    raise thrown.AggregateError("All promises were rejected")


_COMBINED = {"all": _all, "race": _race, "allSettled": _all_settled, "any": _any}
