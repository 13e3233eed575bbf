"""What the requests of one attempt pass through, where there is a limit."""

from __future__ import annotations

import asyncio

from integrations.llm.answer import Answer, Fault
from integrations.llm.errors import RateLimited
from integrations.llm.estimate import estimated_input
from integrations.llm.limiter.limit import LONGEST_WAIT, WINDOW, Limit
from integrations.llm.limiter.turns import Admitted, admit, close_until, correct
from integrations.llm.request import AnyRequest
from integrations.llm.verdict import classify
from workflows import NotYet, Store

__all__ = ["Gate"]

_SLACK = 0.001
"""Seconds: a wait that ends by a rounding error too early would be one more."""


class Gate:
    """Lets one request after the other through, when it is its turn.

    What comes first in an attempt of a step waits by `NotYet`, so that the instance can be parked. Later
    requests of the same attempt, after which something is already paid, wait within it for a minute at most.
    """

    def __init__(self, limit: Limit, name: str, *, store: Store, key: str, durable: bool) -> None:
        """`durable`: whoever asks is a step, which can be called again later."""
        self._limit = limit
        self._name = name
        self._store = store
        self._key = key
        self._durable = durable
        self._last: Admitted | None = None

    async def enter(self, request: AnyRequest) -> None:
        """Returns when the request may be made; raises `NotYet` when a step should come again."""
        tokens = await self._tokens(request)
        clock = self._store.clock
        while True:
            now = clock.now()
            turn = None if self._last is None else self._last.turn
            verdict = await self._store.write(
                admit(self._limit, self._name, self._key, tokens=tokens, now=now, turn=turn)
            )
            if isinstance(verdict, Admitted):
                self._last = verdict
                return
            wait = self._wait(verdict.at - now)
            if self._durable and (self._last is None or wait > LONGEST_WAIT):
                raise NotYet(f'the limit "{self._name}" is reached', after=wait)
            await clock.sleep(wait)

    async def left(self, result: Answer | Fault) -> None:
        """What came of the request."""
        assert self._last is not None, "it has entered"
        now = self._store.clock.now()
        match result:
            case Answer(usage=usage) if usage.total:
                await self._store.write(correct(self._last.sent, usage.total))
            case Fault():
                verdict = classify(result, whom="", now=now)
                if isinstance(verdict, RateLimited) and verdict.retry_after is not None:
                    until = now + verdict.retry_after
                    await self._store.write(close_until(self._name, self._key, self._last.turn, until))
            case _:
                pass

    def _wait(self, seconds: float) -> float:
        """Who waits long for tokens looks again half-way: turns come nearer where answers are short."""
        if self._limit.tokens_per_minute is None or seconds <= WINDOW:
            return seconds + _SLACK
        return max(WINDOW, seconds / 2)

    async def _tokens(self, request: AnyRequest) -> int:
        if self._limit.tokens_per_minute is None:
            return 0
        asked = await asyncio.to_thread(estimated_input, request)
        return asked + (request.max_tokens or self._limit.answer_tokens)
