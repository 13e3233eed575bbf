"""The outbox of one client: what it is sent itself and what all are told, in the order of both."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from agents_sdk.sockets.chain import Chain, Link, Stretch
from agents_sdk.sockets.own import LONGEST, Own, weight

__all__ = ["Outbox", "Span"]

Span = Own | Stretch
"""Messages that follow one another to a client, and are written together."""


@dataclass(frozen=True, slots=True)
class _Item:
    """Comes before the link of the chain that has this place."""

    place: int
    since: float
    item: str | bytes | Link
    """A link is one that is not for this client."""


class Outbox:
    """What waits for one client; of the chain it keeps only how far the client has got."""

    def __init__(self) -> None:
        self._own: deque[_Item] = deque()
        self._weight = 0
        """Of what is its own, less what it does not get of the chain."""
        self._chain = Chain()
        self._next = self._chain.end
        self._last: Link | None = None

    @property
    def weight(self) -> int:
        """Bytes that wait, give or take."""
        return self._weight + self._end.place - self._next.place

    @property
    def is_empty(self) -> bool:
        """Nothing waits."""
        return not self._own and self._next is self._end

    @property
    def since(self) -> float:
        """Since when what comes next has waited; only when something does."""
        return self._own[0].since if self._is_own_next else self._next.since

    def follow(self, chain: Chain) -> None:
        """From now on it gets what is appended to the chain, after what was put before."""
        self._chain, self._next = chain, chain.end

    def leave(self) -> None:
        """What is appended to the chain from now on is not for it."""
        if self._last is None:
            self._last = self._chain.end

    def put(self, message: str | bytes) -> None:
        """Comes after all that waits."""
        self._own.append(_Item(self._end.place, asyncio.get_running_loop().time(), message))
        self._weight += weight(message)

    def skip(self, link: Link) -> None:
        """What was just appended to the chain is not for it."""
        if self._last is None:
            self._own.append(_Item(link.place, link.since, link))
            self._weight -= weight(link.frame)

    def next(self) -> Span | None:
        """What is to be written next; it waits until it is taken."""
        self._pass_over()
        if self._is_own_next:
            return Own(list(self._own_messages()))
        if self._next is self._end:
            return None
        return self._chain.stretch(self._next, self._own[0].place if self._own else self._end.place)

    def take(self, span: Span) -> None:
        """Its client has taken what `next` gave."""
        if isinstance(span, Stretch):
            self._next = span.end
        else:
            for message in span.messages:
                self._own.popleft()
                self._weight -= weight(message)
        self._pass_over()

    def clear(self) -> None:
        """Nothing waits any more, and nothing will."""
        self._own.clear()
        self._weight = 0
        self._last = self._next = Link(0)
        self._chain = Chain()

    @property
    def _end(self) -> Link:
        return self._last or self._chain.end

    @property
    def _is_own_next(self) -> bool:
        return bool(self._own) and self._own[0].place <= self._next.place

    def _own_messages(self) -> Iterator[str | bytes]:
        total = 0
        for own in self._own:
            if isinstance(own.item, Link) or own.place > self._next.place:
                return
            total += weight(own.item)
            if LONGEST < total > weight(own.item):
                return
            yield own.item

    def _pass_over(self) -> None:
        """Skips what is not for it."""
        while self._own and self._own[0].item is self._next:
            assert self._next.next is not None
            self._weight += weight(self._next.frame)
            self._next = self._next.next
            self._own.popleft()
