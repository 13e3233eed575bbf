"""A model behind an OpenAI-compatible server, asked one durable step at a time."""

from __future__ import annotations

import asyncio
import importlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self, cast

from integrations.llm.breaker import Breaker
from integrations.llm.budget import Budget, Payer
from integrations.llm.completion import Completion, completion_type
from integrations.llm.conversation import MOST_REQUESTS, Conversation, Outcome
from integrations.llm.delta import Tell
from integrations.llm.dialect import Dialects
from integrations.llm.endpoint import Endpoint, model_name
from integrations.llm.errors import QuotaError, typed
from integrations.llm.limiter import Limit
from integrations.llm.patience import Patience
from integrations.llm.prices import Price, Rates, prices_of
from integrations.llm.request import Message, Parsed, Request, messages_of
from integrations.llm.terms import Terms, budgets_of
from integrations.llm.verdict import Refused, classify
from integrations.llm.wire import Wire
from workflows import RetryOptions, StepContext, StepError, WorkflowStep

__all__ = ["LLM"]

_BREAKER_SECONDS = 60.0
_logger = logging.getLogger(__name__)


class LLM:
    """A model; shared by everything on one event loop. Close it when done, or use `async with`.

    What is not given comes from `OPENAI_MODEL`, `OPENAI_BASE_URL` and `OPENAI_API_KEY`. `timeout` are the
    seconds of one HTTP request; `stream` asks for streamed answers, for servers and proxies that give up on
    silent connections. `budget` and `limit` hold for every call; `prices` replace the table of
    `genai-prices`.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout: float = 600.0,
        patience: Patience | None = None,
        stream: bool = False,
        budget: Budget | Sequence[Budget] = (),
        limit: Limit | None = None,
        prices: Mapping[str, Rates] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._endpoint = Endpoint.of(base_url, api_key)
        self.model = model_name(model)
        self._timeout = timeout
        self._patience = patience or Patience()
        self._stream = stream
        self._now = now
        self._dialects = Dialects()
        self._terms = Terms(
            url=self.base_url,
            key=self._endpoint.name,
            budgets=budgets_of(budget),
            limit=limit,
            prices=prices_of(prices),
            now=now,
        )
        self._breaker = Breaker(seconds=_BREAKER_SECONDS, now=now)
        self._opened: Wire | None = None

    def __repr__(self) -> str:
        return f"LLM({self.model!r}, base_url={self.base_url!r})"

    @property
    def base_url(self) -> str:
        """Where the server is, without user and password."""
        return self._endpoint.shown

    @property
    def retries(self) -> RetryOptions:
        """As `step.do(retries=...)` takes it, for steps of one's own around `attempt`."""
        return self._patience.retries()

    @property
    def step_timeout(self) -> float:
        """Seconds that cover every request of one attempt, for steps of one's own around `attempt`."""
        return self._timeout * (MOST_REQUESTS + 1)

    async def complete(
        self,
        step: WorkflowStep,
        name: str,
        messages: str | Sequence[Message],
        *,
        response_format: type[Parsed] | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        tools: Sequence[Mapping[str, object]] = (),
        tool_choice: str | Mapping[str, object] | None = None,
        model: str | None = None,
        budget: Budget | Sequence[Budget] = (),
    ) -> Completion[Parsed]:
        """One answer in one step: a finished one is never asked for, nor paid, again.

        A crash in mid-request asks again: a request may be paid twice, a recorded answer never. Raises the
        errors of `integrations.llm.errors`, alike on the first run and on replay. `budget` limits this call
        besides the budgets of the model.
        """
        request = Request(
            model=model or self.model,
            messages=messages_of(messages),
            response_format=response_format,
            max_tokens=max_tokens,
            temperature=temperature,
            tools=tuple(tools),
            tool_choice=tool_choice,
        )
        digest = request.digest()
        try:
            completion = await step.do(
                name,
                self._attempt,
                request,
                budgets_of(budget),
                retries=self.retries,
                timeout=self.step_timeout,
                result=completion_type(response_format),
            )
        except StepError as error:
            raise typed(error) from error
        if completion.request_hash != digest:
            _logger.warning('step "%s" was answered for an earlier prompt; the recorded answer is used', name)
        return completion

    async def attempt(
        self,
        request: Request[Parsed],
        *,
        number: int = 1,
        payer: Payer | None = None,
        budget: Budget | Sequence[Budget] = (),
        tell: Tell | None = None,
    ) -> Completion[Parsed]:
        """One attempt; the answer is not recorded, and nothing is tried again later.

        Within a step of one's own, `payer` is the context of the step: it is told what is spent. Budgets and
        a limit need a payer. With `tell` the answer is streamed, and `tell` hears its pieces
        (`integrations.llm.delta`).
        """
        self._breaker.check()
        wire = self._terms.metered(await self._wire(), payer, budgets_of(budget))
        conversation = Conversation(wire, self._dialects, url=self.base_url, now=self._now, tell=tell)
        started = time.perf_counter()
        try:
            outcome = await conversation.answer(request)
        except QuotaError as error:
            self._breaker.open(error)
            raise
        latency = time.perf_counter() - started
        return _completion(request, outcome, wire.price, number=number, latency=latency)

    async def check(self) -> None:
        """Whether the server answers: raises `ModelUnreachable` at once, or why it refuses the key."""
        fault = await (await self._wire()).probe()
        if fault is None or fault.status not in (None, 401, 403):
            return
        verdict = classify(fault, whom=f"{self.model} at {self.base_url}", now=self._now())
        if not isinstance(verdict, Refused):
            raise verdict

    async def close(self) -> None:
        """Lets the connections go; the next call opens new ones."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _attempt(
        self, request: Request[Parsed], budgets: tuple[Budget, ...], ctx: StepContext
    ) -> Completion[Parsed]:
        return await self.attempt(request, number=ctx.attempt, payer=ctx, budget=budgets)

    async def _wire(self) -> Wire:
        if self._opened is None:
            # Loading openai takes half a second, which nobody else on the loop should wait for.
            await asyncio.to_thread(importlib.import_module, "integrations.llm.chat")
        if self._opened is None:
            from integrations.llm.chat import ChatWire

            self._opened = ChatWire(self._endpoint, timeout=self._timeout, stream=self._stream)
        return self._opened


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
