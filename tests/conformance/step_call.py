"""One `do` of a recorded program: its configuration, its callback, its delay function and its rollback."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Protocol

from tests.conformance import thrown
from tests.conformance.markers import shown_context, shown_rollback
from tests.conformance.scenario import Json
from tests.conformance.trace import Trace
from tests.conformance.units import seconds
from workflows import StepContext, WorkflowStep

__all__ = ["Program", "StepCall"]


class Program(Protocol):
    """The program that a step belongs to."""

    trace: Trace

    async def run(self, ops: list[dict[str, Json]], ctx: StepContext | None = None) -> tuple[Any] | None:
        """Performs operations inside the callback."""

    def value(self, value: Json, ctx: StepContext | None = None) -> Any:
        """`value` with its markers resolved."""


class StepCall:
    """A call of `step.do` as an operation describes it."""

    def __init__(self, program: Program, op: dict[str, Json]) -> None:
        self._program = program
        self._trace = program.trace
        self._op = op
        repeated = op.get("name_repeat")
        self.name: str = repeated[0] * repeated[1] if repeated else op["name"]

    def start(self, step: WorkflowStep) -> Coroutine[Any, Any, Any]:
        """Calls `step.do`; the occurrence is taken now."""
        options: dict[str, Any] = {}
        if "config" in self._op:
            options["config"] = self._config(self._op["config"])
        if "rollback" in self._op:
            options["rollback"] = self._rollback
        if "rollbackConfig" in self._op:
            options["rollback_config"] = self._config(self._op["rollbackConfig"])
        callback: Any = None if self._op.get("no_callback") else self._callback
        return step.do(self.name, callback, **options)

    async def _callback(self, ctx: StepContext) -> Any:
        body = self._op.get("body") or {}
        where = {"step": self.name, "attempt": ctx.attempt, "count": ctx.step.count}
        self._trace.emit("callback_start", **where)
        if body.get("trace_ctx"):
            self._trace.emit("ctx", ctx=shown_context(ctx))
        await self._wait(body, ctx.attempt)
        if "ops" in body:
            await self._program.run(body["ops"], ctx)
        self._trace.emit("callback_end", **where)
        if (error := _error(body, ctx.attempt)) is not None:
            raise error
        return self._program.value(body.get("value"), ctx)

    async def _wait(self, spoken: dict[str, Json], attempt: int) -> None:
        times = spoken.get("wait_ms_attempts")
        if times is not None:
            wait = times[attempt - 1] if attempt <= len(times) else 0
        else:
            wait = spoken.get("wait_ms", 0)
        if wait:
            await self._trace.clock.sleep(wait / 1_000)

    def _config(self, recorded: Json) -> Json:
        """The configuration in seconds; what makes no sense in it is left for the engine to refuse."""
        if not isinstance(recorded, dict):
            return recorded
        config = {key: seconds(value) if key == "timeout" else value for key, value in recorded.items()}
        if isinstance(retries := config.get("retries"), dict):
            config["retries"] = self._retries(retries)
        return config

    def _retries(self, recorded: dict[str, Json]) -> dict[str, Json]:
        retries = {key: value for key, value in recorded.items() if key != "delay_fn"}
        if "delay" in retries:
            retries["delay"] = seconds(retries["delay"])
        if "delay_fn" in recorded:
            retries["delay"] = self._delay_function(recorded["delay_fn"])
        if retries.get("limit") == "Infinity":
            retries["limit"] = float("inf")
        return retries

    def _delay_function(self, spoken: dict[str, Json]) -> Json:
        async def delay(failed: Any) -> Any:
            error = thrown.described(failed.error)
            attempt = failed.ctx.attempt
            self._trace.emit("delay_fn", attempt=attempt, error=error, ctx=shown_context(failed.ctx))
            if "hang_ms" in spoken:
                await self._trace.clock.sleep(spoken["hang_ms"] / 1_000)
            if "throw" in spoken:
                raise thrown.Error(spoken["throw"])
            return seconds(spoken["values"][attempt - 1] if "values" in spoken else spoken.get("value"))

        return delay

    async def _rollback(self, failed: Any) -> None:
        spoken = self._op["rollback"]
        calls = sum(
            line["ev"] == "rollback_start" and line["step"] == self.name for line in self._trace.lines
        )
        self._trace.emit("rollback_start", step=self.name, rctx=shown_rollback(failed))
        await self._wait(spoken, calls + 1)
        self._trace.emit("rollback_end", step=self.name)
        if calls < spoken.get("fail_times", 0):
            raise thrown.error_of(spoken.get("error") or {"message": f"rollback fail {calls + 1}"})
        if "error" in spoken and "fail_times" not in spoken:
            raise thrown.error_of(spoken["error"])


def _error(body: dict[str, Json], attempt: int) -> Exception | None:
    """What this attempt throws."""
    fails = attempt <= body["fail_attempts"] if "fail_attempts" in body else "error" in body
    return thrown.error_of(body.get("error") or {}, f"fail attempt {attempt}") if fails else None
