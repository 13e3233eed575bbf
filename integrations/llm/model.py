"""A model behind an OpenAI-compatible server, asked one durable step at a time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Self

from integrations.llm.asking import Asking, raised
from integrations.llm.background import Background
from integrations.llm.budget import Budget, Payer
from integrations.llm.completion import Completion, completion_type
from integrations.llm.conversation import MOST_REQUESTS
from integrations.llm.delta import Tell
from integrations.llm.endpoint import Endpoint, model_name
from integrations.llm.errors import typed
from integrations.llm.limiter import LONGEST_WAIT, Limit
from integrations.llm.overflow import Shorten, fitting
from integrations.llm.patience import Patience
from integrations.llm.prices import Rates, prices_of
from integrations.llm.request import Message, Parsed, Request, messages_of
from integrations.llm.streaming.telling import Telling
from integrations.llm.terms import Terms, budgets_of
from integrations.llm.wires import WireName, Wires
from workflows import RetryOptions, StepContext, StepError, WorkflowStep

__all__ = ["LLM"]

_logger = logging.getLogger(__name__)


class LLM:
    """A model; shared by everything on one event loop. Close it when done, or use `async with`.

    What is not given comes from `OPENAI_MODEL`, `OPENAI_BASE_URL` and `OPENAI_API_KEY`. `timeout` are the
    seconds of one HTTP request; `stream` asks for streamed answers, for servers and proxies that give up on
    silent connections. `budget` and `limit` hold for every call; `prices` replace the table of
    `genai-prices`.

    `wire` is what is spoken with the server: by default "responses" with api.openai.com, "chat" with every
    other. `background` has a server that speaks "responses" work by itself while nobody is connected: after
    a crash one goes on with the same response instead of paying for another. For that the server stores it.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        wire: WireName | None = None,
        background: bool = False,
        timeout: float = 600.0,
        patience: Patience | None = None,
        stream: bool = False,
        budget: Budget | Sequence[Budget] = (),
        limit: Limit | None = None,
        prices: Mapping[str, Rates] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        endpoint = Endpoint.of(base_url, api_key)
        self.model = model_name(model)
        self._longest = timeout if limit is None else timeout + LONGEST_WAIT
        self._patience = patience or Patience()
        wires = Wires(endpoint, wire, timeout=timeout, stream=stream)
        terms = Terms(
            url=endpoint.shown,
            key=endpoint.name,
            budgets=budgets_of(budget),
            limit=limit,
            prices=prices_of(prices),
            now=now,
        )
        self._asking = Asking(endpoint, wires, terms, now=now)
        if background and self.wire != "responses":
            raise ValueError(f'background=True needs wire="responses"; with {self.base_url} it is "chat"')
        self._background = (
            Background(self._asking, self._patience, timeout=self.step_timeout) if background else None
        )

    def __repr__(self) -> str:
        return f"LLM({self.model!r}, base_url={self.base_url!r})"

    @property
    def base_url(self) -> str:
        """Where the server is, without user and password."""
        return self._asking.url

    @property
    def wire(self) -> WireName:
        """What is spoken with the server."""
        return self._asking.wires.name

    @property
    def retries(self) -> RetryOptions:
        """As `step.do(retries=...)` takes it, for steps of one's own around `attempt`."""
        return self._patience.retries()

    @property
    def step_timeout(self) -> float:
        """Seconds that cover every request of one attempt, for steps of one's own around `attempt`."""
        return self._longest * (MOST_REQUESTS + 1)

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
        shorten: Shorten | None = None,
        stream: bool = False,
    ) -> Completion[Parsed]:
        """One answer in one step: a finished one is never asked for, nor paid, again.

        A crash in mid-request asks again: a request may be paid twice, a recorded answer never. Raises the
        errors of `integrations.llm.errors`, alike on the first run and on replay. `budget` limits this call
        besides the budgets of the model. When the messages do not fit into the model's window, `shorten` is
        given them, once, and what it returns is asked in a second step. With `stream` the step tells its
        answer while it arrives: `integrations.llm.streaming` reads it.
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
        if stream and self._background is not None:
            raise ValueError(
                "an answer that is made in the background is not streamed: leave out stream=True"
            )
        ask = partial(self._recorded, budgets_of(budget), stream)
        return await fitting(step, name, request, ask=ask, shorten=shorten)

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
        return await self._asking.attempt(
            request, number=number, payer=payer, budgets=budgets_of(budget), tell=tell
        )

    async def check(self) -> None:
        """Whether the server answers: raises `ModelUnreachable` at once, or why it refuses the key."""
        fault = await (await self._asking.wires.wire()).probe()
        if fault is not None and fault.status in (None, 401, 403):
            raised(self._asking.verdict(fault, self.model))

    async def close(self) -> None:
        """Lets the connections go; the next call opens new ones."""
        await self._asking.wires.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _recorded(
        self,
        budgets: tuple[Budget, ...],
        stream: bool,
        step: WorkflowStep,
        name: str,
        request: Request[Parsed],
    ) -> Completion[Parsed]:
        digest = request.digest()
        ask = self._background.ask if self._background else partial(self._in_one_step, stream)
        try:
            completion = await ask(step, name, request, budgets)
        except StepError as error:
            raise typed(error) from error
        if completion.request_hash != digest:
            _logger.warning('step "%s" was answered for an earlier prompt; the recorded answer is used', name)
        return completion

    async def _in_one_step(
        self,
        stream: bool,
        step: WorkflowStep,
        name: str,
        request: Request[Parsed],
        budgets: tuple[Budget, ...],
    ) -> Completion[Parsed]:
        return await step.do(
            name,
            self._told_attempt if stream else self._attempt,
            request,
            budgets,
            retries=self.retries,
            timeout=self.step_timeout,
            result=completion_type(request.response_format),
        )

    async def _attempt(
        self, request: Request[Parsed], budgets: tuple[Budget, ...], ctx: StepContext
    ) -> Completion[Parsed]:
        return await self.attempt(request, number=ctx.attempt, payer=ctx, budget=budgets)

    async def _told_attempt(
        self, request: Request[Parsed], budgets: tuple[Budget, ...], ctx: StepContext
    ) -> Completion[Parsed]:
        async with Telling(ctx.stream) as telling:
            completion = await self.attempt(
                request, number=ctx.attempt, payer=ctx, budget=budgets, tell=telling.tell
            )
            await telling.end(completion.text, completion.tool_calls)
        return completion
