"""Asks one server, outside of any step: nothing is recorded but what is spent, nothing tried again later."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import cast

from integrations.llm.answer import Answer, Begun, Cause, Fault
from integrations.llm.breaker import breaker
from integrations.llm.budget import Budget, Payer
from integrations.llm.completion import Completion, completion_type
from integrations.llm.conversation import Conversation, Outcome
from integrations.llm.delta import Tell
from integrations.llm.dialect import Dialect, Dialects
from integrations.llm.endpoint import Endpoint
from integrations.llm.errors import ResponseFailed, RetryLater
from integrations.llm.metered import Metered
from integrations.llm.prices import Price
from integrations.llm.request import AnyRequest, Parsed, Request
from integrations.llm.terms import Terms
from integrations.llm.verdict import Refused, Verdict, classify
from integrations.llm.wire import BackgroundWire, Sender
from integrations.llm.wires import Wires
from workflows import NotYet

__all__ = ["Asking", "raised"]


class Asking:
    """Keeps the connections, the dialects of the models, the breaker of the key, and what is paid."""

    def __init__(self, endpoint: Endpoint, wires: Wires, terms: Terms, *, now: Callable[[], float]) -> None:
        self.url = endpoint.shown
        self.wires = wires
        self.now = now
        self._terms = terms
        self._dialects = Dialects()
        self._breaker = breaker(endpoint.name)

    async def attempt(
        self,
        request: Request[Parsed],
        *,
        number: int,
        payer: Payer | None,
        budgets: tuple[Budget, ...],
        tell: Tell | None = None,
    ) -> Completion[Parsed]:
        """One attempt; raises `RetryLater` or a `ModelError`."""
        with self._breaker.guarding(self.now):
            metered = await self._metered(payer, budgets)
            return await self._answered(request, metered, metered, number, tell)

    async def begin(
        self, request: AnyRequest, *, payer: Payer, budgets: tuple[Budget, ...]
    ) -> Begun | Refused:
        """Has the server begin with it in the background; raises like `attempt`."""
        with self._breaker.guarding(self.now):
            metered = await self._metered(payer, budgets)
            wire = await self.wires.background()

            async def begin(request: AnyRequest, dialect: Dialect) -> Begun | Fault:
                await metered.admit(request)
                begun = await wire.begin(request, dialect)
                if isinstance(begun, Fault):
                    await metered.left(begun)
                return begun

            begun = await self._dialects.ask(begin, request, base_url=self.url)
            return begun if isinstance(begun, Begun) else raised(self.verdict(begun, request.model))

    async def finish(
        self,
        request: Request[Parsed],
        id: str,
        *,
        number: int,
        payer: Payer,
        budgets: tuple[Budget, ...],
        again: float,
    ) -> Completion[Parsed]:
        """The attempt whose first answer is that of a response.

        `NotYet` while it is worked on, to look `again` after so many seconds; `ResponseFailed` if it failed.
        """
        with self._breaker.guarding(self.now):
            metered = await self._metered(payer, budgets)
            attached = _Attached(await self.wires.background(), id, metered, again)
            try:
                return await self._answered(request, attached, metered, number)
            except RetryLater as error:
                if attached.failed:
                    raise ResponseFailed(str(error)) from error
                raise

    def verdict(self, fault: Fault, model: str) -> Verdict:
        """What to do about it."""
        return classify(fault, whom=f"{model} at {self.url}", now=self.now())

    async def _metered(self, payer: Payer | None, budgets: tuple[Budget, ...]) -> Metered:
        return self._terms.metered(await self.wires.wire(), payer, budgets)

    async def _answered(
        self,
        request: Request[Parsed],
        wire: Sender,
        metered: Metered,
        number: int,
        tell: Tell | None = None,
    ) -> Completion[Parsed]:
        conversation = Conversation(wire, self._dialects, url=self.url, now=self.now, tell=tell)
        started = time.perf_counter()
        outcome = await conversation.answer(request)
        latency = time.perf_counter() - started
        return _completion(request, outcome, metered.price, number=number, latency=latency)


def raised(verdict: Verdict) -> Refused:
    """Raises what is an error."""
    if isinstance(verdict, Refused):
        return verdict
    raise verdict


class _Attached:
    """A wire whose first answer is that of a response; what follows is asked as always."""

    def __init__(self, wire: BackgroundWire, id: str, metered: Metered, again: float) -> None:
        self._wire = wire
        self._id: str | None = id
        self._metered = metered
        self._again = again
        self.failed = False
        """The response has no answer; that it could not be fetched is something else."""

    async def send(self, request: AnyRequest, dialect: Dialect, tell: Tell | None = None) -> Answer | Fault:
        """The answer of the response, at first; the budgets were looked at when it was begun."""
        id, self._id = self._id, None
        if id is None:
            return await self._metered.send(request, dialect, tell)
        answer = await self._wire.fetch(id)
        if isinstance(answer, Begun):
            raise NotYet(f"the response {id} is not finished", after=self._again)
        self.failed = isinstance(answer, Fault) and answer.cause is Cause.ERROR and answer.status is None
        return await self._metered.paid(request, answer)


def _completion(
    request: Request[Parsed], outcome: Outcome, price: Price | None, *, number: int, latency: float
) -> Completion[Parsed]:
    answer = outcome.answer
    return completion_type(request.response_format)(
        text=answer.text or answer.refusal or "",
        parsed=cast("Parsed | None", outcome.parsed),
        tool_calls=answer.tool_calls,
        refused=answer.refused,
        finish_reason=answer.finish_reason,
        model_asked=request.model,
        model_answered=answer.model or request.model,
        request_id=answer.request_id,
        request_hash=request.digest(),
        usage=outcome.usage,
        price=price,
        requests=outcome.requests,
        attempts=number,
        latency=latency,
    )
