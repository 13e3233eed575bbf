"""`AgentLoop`: a model that calls tools until it has an answer; each request and each call is a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from integrations.llm.budget import Budget
from integrations.llm.completion import Completion
from integrations.llm.loop.calling import Calling
from integrations.llm.loop.exchange import answered, asked, named, unanswered
from integrations.llm.loop.limits import Limits, LoopLimitReached
from integrations.llm.loop.record import LoopResult, ToolResult
from integrations.llm.loop.tool import Tool, tools_by_name
from integrations.llm.model import LLM
from integrations.llm.overflow import Shorten
from integrations.llm.request import Message, messages_of
from integrations.llm.usage import Usage
from workflows import StepError, WorkflowStep

__all__ = ["AgentLoop"]


@dataclass(frozen=True, slots=True)
class AgentLoop:
    """A model with tools (functions, or `Tool` for other terms); holds nothing of a run, so share it.

    What tools give is for the model to read, and the model can be talked into anything by it: put neither
    into a shell, SQL or HTML, and let `permit` and `approval` decide what may happen.
    """

    llm: LLM
    tools: Sequence[Tool | Callable[..., Any]] = ()
    instructions: str = field(default="", kw_only=True)
    """Goes before the messages, unless they begin with a system message."""
    limits: Limits = field(default=Limits(), kw_only=True)
    budget: Budget | Sequence[Budget] = field(default=(), kw_only=True)
    max_tokens: int | None = field(default=None, kw_only=True)
    temperature: float | None = field(default=None, kw_only=True)
    model: str | None = field(default=None, kw_only=True)
    shorten: Shorten | None = field(default=None, kw_only=True)
    """Called before each request; what it does besides computing is a step of the one that it is given."""
    stream: bool = field(default=False, kw_only=True)
    """Readers see what happens while it happens: see `show_loop`."""
    by_name: Mapping[str, Tool] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", tools_by_name(self.tools))

    async def run(self, step: WorkflowStep, name: str, messages: str | Sequence[Message]) -> LoopResult:
        """The answer; its steps live under `name/`, so two loops of one run need two names.

        Raises `LoopLimitReached`, what a tool raised that has `failure="fail"`, and the errors of
        `integrations.llm.errors`, alike on every run.
        """
        given = messages_of(messages)
        if self.instructions and given[0].get("role") != "system":
            given = ({"role": "system", "content": self.instructions}, *given)
        return await _Run(self, step.scope(name), [*given]).result()


class _Run:
    """One run of a loop: what is said and done so far."""

    def __init__(self, loop: AgentLoop, step: WorkflowStep, messages: list[Message]) -> None:
        self._loop = loop
        self._step = step
        self._calling = Calling(step, loop.by_name, tells=loop.stream)
        self._messages = messages
        self._results: list[ToolResult] = []
        self._usage = Usage()
        self._turns = 0
        self._mistakes = 0

    async def result(self) -> LoopResult:
        while True:
            await self._stop_if(self._loop.limits.refuse_turn(self._turns, self._mistakes))
            answer = await self._ask()
            calls = named(answer.tool_calls, self._turns, {result.call_id for result in self._results})
            self._messages.append(asked(answer.text, calls))
            if not calls:
                return self._ended(answer)
            await self._stop_if(self._loop.limits.refuse_calls(len(self._results) + len(calls)))
            results = await self._calling.results(self._turns, calls, answer)
            self._results += results
            self._messages += map(answered, results)
            self._mistakes = self._mistakes + 1 if all(result.mistaken for result in results) else 0

    async def _ask(self) -> Completion[None]:
        loop = self._loop
        self._turns += 1
        if loop.shorten is not None:
            step = self._step.scope(f"shorten {self._turns}")
            self._messages = [*await loop.shorten(step, tuple(self._messages))]
            if (broken := unanswered(self._messages)) is not None:
                raise ValueError(f"what shorten= made of the messages cannot be sent: {broken}")
        answer = await loop.llm.complete(
            self._step,
            "model",
            self._messages,
            tools=[tool.offer for tool in loop.by_name.values()],
            max_tokens=loop.max_tokens,
            temperature=loop.temperature,
            model=loop.model,
            budget=loop.budget,
            stream=loop.stream,
        )
        self._usage += answer.usage
        return answer

    async def _stop_if(self, reason: str | None) -> None:
        """The end takes the place of the next request, so that readers who wait for that hear of it."""
        if reason is None:
            return

        async def stop() -> None:
            raise LoopLimitReached(reason)

        try:
            await self._step.do("model", stop)
        except StepError as error:
            raise LoopLimitReached(error.message) from error

    def _ended(self, answer: Completion[None]) -> LoopResult:
        return LoopResult(
            text=answer.text,
            refused=answer.refused,
            messages=tuple(dict(message) for message in self._messages),
            calls=tuple(self._results),
            turns=self._turns,
            finish_reason=answer.finish_reason,
            usage=self._usage,
        )
