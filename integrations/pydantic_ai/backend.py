"""Operations of Pydantic AI as steps of a workflow."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic_ai import RunContext, UserError
from pydantic_ai.durable_exec import (
    DurableOperationId,
    JournalCallableOperationBackend,
    ModelRequestId,
    ToolsetCallToolId,
    record_durable_unit,
)
from pydantic_ai.exceptions import AgentRunError, ModelAPIError, ModelConnectionError, ModelHTTPError

from integrations.llm.answer import Cause, Fault
from integrations.llm.errors import RequestRejected, typed
from integrations.llm.verdict import Refused, classify
from integrations.place import Place, here
from workflows import NonRetryableError, StepError

__all__ = ["StepBackend"]


class StepBackend(JournalCallableOperationBackend[str]):
    """Each operation is a step of the place where the agent runs; its config is its role there."""

    async def execute(
        self,
        *,
        operation_id: DurableOperationId,
        name: str,
        body: Callable[[], Awaitable[object]],
        cache_key: tuple[object, ...],
        config: str,
    ) -> object:
        """What is recorded of the operation, else what `body` gives."""
        place = here()
        assert place is not None, "operations are durable in a durable context only"
        executed = False

        async def call() -> object:
            nonlocal executed
            executed = True
            try:
                return await body()
            except Exception as error:
                raise _judged(error) from error

        try:
            found = await _step(place, operation_id, name, call, cache_key, config)
        except StepError as error:
            raise typed(error) from error
        record_durable_unit(executed=executed)
        return found


async def _step(
    place: Place,
    operation_id: DurableOperationId,
    name: str,
    call: Callable[[], Awaitable[object]],
    cache_key: tuple[object, ...],
    role: str,
) -> Any:
    """Calls of tools go on side by side, so they are told apart by their ids; all else comes in its order."""
    options = place.model if role == "model" else place.tool
    ids = [one.tool_call_id for one in cache_key if isinstance(one, RunContext)]
    if isinstance(operation_id, ModelRequestId):
        return await place.one_by_one("model", call, options)
    if not any(ids):
        return await place.one_by_one(name, call, options)
    called = str(cache_key[0]) if isinstance(operation_id, ToolsetCallToolId) else name
    return await place.named(f"{called} {ids[0]}", call, options)


def _judged(error: Exception) -> Exception:
    """For the step engine; errors of models by the table of `integrations.llm`."""
    if isinstance(error, ModelAPIError):
        verdict = classify(_fault(error), whom=error.model_name, now=time.time())
        return RequestRejected(verdict) if isinstance(verdict, Refused) else verdict
    if isinstance(error, UserError | AgentRunError):
        return NonRetryableError(f"{type(error).__name__}: {error}")
    return error


def _fault(error: ModelAPIError) -> Fault:
    said = error.body.get("message") if isinstance(error.body, dict) else None
    message = " ".join(str(said or error.message).split())[:500]
    if not isinstance(error, ModelHTTPError):
        cause = Cause.UNREACHABLE if isinstance(error, ModelConnectionError) else Cause.CUT
        return Fault(cause=cause, message=message)
    return Fault(
        cause=Cause.ERROR,
        message=message,
        status=error.status_code,
        code=error.provider_error_code or "",
        type=error.provider_error_type or "",
        headers=error.headers or {},
    )
