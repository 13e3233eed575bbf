"""From a request to an answer that the caller can use, in as few requests as that takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from pydantic import BaseModel

from integrations.llm.answer import Answer, Fault
from integrations.llm.delta import Restarted, Tell
from integrations.llm.dialect import Dialect, Dialects
from integrations.llm.errors import InvalidOutput, ModelError, RetryLater, TruncatedOutput
from integrations.llm.request import AnyRequest
from integrations.llm.structured import Fits, Misfit, correction, read
from integrations.llm.usage import Usage
from integrations.llm.verdict import Refused, classify
from integrations.llm.wire import Sender

__all__ = ["MOST_REQUESTS", "Conversation", "Outcome"]

MOST_REQUESTS = 6
"""The first, three in simpler dialects, one with a larger limit, one correction."""

_LARGER = 4
_DEFAULT_LIMIT = 4_096


@dataclass(frozen=True, slots=True)
class Outcome:
    """A usable answer: complete, and parsed where a type was asked for."""

    answer: Answer
    parsed: BaseModel | None
    usage: Usage
    requests: int


class _Truncated:
    """A structured answer that was cut off at the token limit."""


_Reading: TypeAlias = Fits[BaseModel] | Misfit | _Truncated | None


class Conversation:
    """The requests of one attempt; not to be used twice."""

    def __init__(
        self,
        wire: Sender,
        dialects: Dialects,
        *,
        url: str,
        now: Callable[[], float],
        tell: Tell | None = None,
    ) -> None:
        self._wire = wire
        self._dialects = dialects
        self._url = url
        self._now = now
        self._tell = tell
        self._usage = Usage()
        self._requests = 0
        self._enlarged = False
        self._corrected = False

    async def answer(self, request: AnyRequest) -> Outcome:
        """The answer to `request`; raises `RetryLater` or a `ModelError`."""
        while True:
            answer = await self._ask(request)
            self._usage += answer.usage
            match _read(answer, request):
                case None:
                    return self._outcome(answer, None)
                case Fits(value=value):
                    return self._outcome(answer, value)
                case _Truncated():
                    request = self._enlarge(request, answer)
                case Misfit() as misfit:
                    request = self._correct(request, answer, misfit)

    def _outcome(self, answer: Answer, parsed: BaseModel | None) -> Outcome:
        return Outcome(answer, parsed, self._usage, self._requests)

    async def _ask(self, request: AnyRequest) -> Answer:
        result = await self._dialects.ask(self._send, request, base_url=self._url)
        return self._judge(result, request) if isinstance(result, Fault) else result

    async def _send(self, request: AnyRequest, dialect: Dialect) -> Answer | Fault:
        if self._requests and self._tell is not None:
            await self._tell(Restarted())
        self._requests += 1
        return await self._wire.send(request, dialect, self._tell)

    def _judge(self, fault: Fault, request: AnyRequest) -> Answer:
        match classify(fault, whom=f"{request.model} at {self._url}", now=self._now()):
            case Refused() as reason:
                return Answer(
                    text="",
                    refusal=reason,
                    finish_reason="content_filter",
                    model=request.model,
                    usage=Usage(),
                )
            case RetryLater() | ModelError() as error:
                raise error

    def _enlarge(self, request: AnyRequest, answer: Answer) -> AnyRequest:
        limit = request.max_tokens or answer.usage.output
        if self._enlarged:
            raise TruncatedOutput(
                f"{request.model} did not finish its structured answer in {limit:,} tokens "
                f"({self._usage}); raise max_tokens, or ask for less at a time"
            )
        self._enlarged = True
        return replace(request, max_tokens=max(limit * _LARGER, _DEFAULT_LIMIT))

    def _correct(self, request: AnyRequest, answer: Answer, misfit: Misfit) -> AnyRequest:
        kind = request.wanted
        assert kind is not None
        if self._corrected:
            raise InvalidOutput(
                f"{request.model} gave no {kind.__name__}, also when told why: "
                f"{misfit.reason} ({self._usage})"
            )
        self._corrected = True
        turn = correction(answer.text, misfit, kind)
        return replace(request, messages=(*request.messages, *turn))


def _read(answer: Answer, request: AnyRequest) -> _Reading:
    """None when there is nothing to parse."""
    if request.wanted is None or answer.refused or answer.tool_calls:
        return None
    if answer.finish_reason == "length":
        return _Truncated()
    return read(answer.text, request.wanted)
