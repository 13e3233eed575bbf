"""Models of the SDK whose every response is one durable step."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import agents
from pydantic import TypeAdapter

from integrations.llm.errors import RequestRejected, typed
from integrations.llm.verdict import Refused, classify
from integrations.place import here
from workflows import NonRetryableError, NotStorable, StepError

__all__ = ["DurableModel", "DurableProvider"]

_RESPONSES = TypeAdapter(agents.ModelResponse)


class DurableModel(agents.Model):
    """`inner` as it is, but a response that is recorded is not asked for again."""

    def __init__(self, inner: agents.Model, name: str) -> None:
        self._inner = inner
        self._name = name

    async def get_response(self, *args: Any, **kwargs: Any) -> agents.ModelResponse:
        """The recorded response, else that of `inner`."""
        if (place := here()) is None:
            return await self._inner.get_response(*args, **kwargs)

        async def call() -> object:
            try:
                return _stored(await self._inner.get_response(*args, **kwargs))
            except Exception as error:
                raise self._judged(error) from error

        try:
            return _RESPONSES.validate_python(await place.one_by_one("model", call, place.model))
        except StepError as error:
            raise typed(error) from error

    def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """Refused in a workflow: half an answer cannot be recorded."""
        if here() is None:
            return self._inner.stream_response(*args, **kwargs)
        raise agents.UserError("streamed answers are not durable: use as_tool() without on_stream")

    def _judged(self, error: Exception) -> Exception:
        """For the step engine; errors of openai by the table of `integrations.llm`."""
        from integrations.llm.faults import EXPECTED, fault_of

        if isinstance(error, agents.UserError):
            return NonRetryableError(str(error))
        if not isinstance(error, EXPECTED):
            return error
        verdict = classify(fault_of(error), whom=self._name, now=time.time())
        return RequestRejected(verdict) if isinstance(verdict, Refused) else verdict


class DurableProvider(agents.ModelProvider):
    """The models of `inner`, durable."""

    def __init__(self, inner: agents.ModelProvider) -> None:
        self._inner = inner

    def get_model(self, model_name: str | None) -> agents.Model:
        """The model of that name."""
        return DurableModel(self._inner.get_model(model_name), model_name or "the default model")


def _stored(response: agents.ModelResponse) -> object:
    """As plain values. What the server left out stays left out: some refuse to get a null back."""
    plain = _RESPONSES.dump_python(response, mode="json", exclude_unset=True)
    if _RESPONSES.validate_python(plain) != response:
        raise NotStorable("the model's response does not come back equal: its items must be those of the SDK")
    return plain
