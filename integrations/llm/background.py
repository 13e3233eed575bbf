"""Answers that the server works out by itself: a crash while it does costs nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import count

from integrations.llm.asking import Asking
from integrations.llm.budget import Budget
from integrations.llm.completion import Completion, completion_type
from integrations.llm.errors import ResponseFailed, typed
from integrations.llm.patience import Patience
from integrations.llm.request import AnyRequest, Parsed, Request
from integrations.llm.verdict import Refused
from workflows import NotYet, StepContext, StepError, WorkflowStep

__all__ = ["Background"]

_FIRST_LOOK = 2.0
_SLOWER = 1.5
_RAREST = 60.0
_STEPS = 20
"""So often it becomes rarer, at most."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """What is recorded before anybody waits."""

    id: str
    """Empty when the server refused the prompt for its content."""
    at: float


class Background:
    """Asks in two steps below the name: `begin` records the server's id, `answer` looks until there is one.

    So whoever goes on after a crash looks at the same response. One that failed is followed by another, as
    often as `patience` allows.
    """

    def __init__(self, asking: Asking, patience: Patience, *, timeout: float) -> None:
        self._asking = asking
        self._patience = patience
        self._retries = patience.retries()
        self._timeout = timeout

    async def ask(
        self, step: WorkflowStep, name: str, request: Request[Parsed], budgets: tuple[Budget, ...]
    ) -> Completion[Parsed]:
        """The answer; when the caller is cancelled meanwhile, so is the response."""
        scope = step.scope(name)
        for number in count(1):
            begun = await scope.do(
                "begin",
                self._begin,
                request,
                budgets,
                result=_Begun,
                retries=self._retries,
                timeout=self._timeout,
            )
            try:
                return await scope.do(
                    "answer",
                    self._answer,
                    request,
                    budgets,
                    begun,
                    number,
                    result=completion_type(request.response_format),
                    retries=self._retries,
                    timeout=self._timeout,
                )
            except asyncio.CancelledError:
                # Of a caller who has given up. While the engine stops no step begins, this one neither.
                await scope.do("cancel", self._cancel, begun, retries={"limit": 1, "delay": 1})
                raise
            except (StepError, ResponseFailed) as error:
                seen = typed(error) if isinstance(error, StepError) else error
                if not isinstance(seen, ResponseFailed) or number > self._patience.limit:
                    raise
            await scope.sleep("before another", self._patience.backoff(number))
        raise AssertionError("count() has no end")

    async def _begin(self, request: AnyRequest, budgets: tuple[Budget, ...], ctx: StepContext) -> _Begun:
        begun = await self._asking.begin(request, payer=ctx, budgets=budgets)
        return _Begun("" if isinstance(begun, Refused) else begun.id, self._asking.now())

    async def _answer(
        self,
        request: Request[Parsed],
        budgets: tuple[Budget, ...],
        begun: _Begun,
        number: int,
        ctx: StepContext,
    ) -> Completion[Parsed]:
        if not begun.id:
            return await self._asking.attempt(request, number=number, payer=ctx, budgets=budgets)
        wait = min(_FIRST_LOOK * _SLOWER ** min(ctx.attempt - 1, _STEPS), _RAREST)
        if ctx.attempt == 1:
            raise NotYet(f"the response {begun.id} has just begun", after=wait)
        completion = await self._asking.finish(
            request, begun.id, number=number, payer=ctx, budgets=budgets, again=wait
        )
        return completion.model_copy(update={"latency": self._asking.now() - begun.at})

    async def _cancel(self, begun: _Begun) -> None:
        if begun.id:
            await (await self._asking.wires.background()).cancel(begun.id)
