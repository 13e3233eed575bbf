"""The messages of one chat, in memory and on the disk."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Collection, Iterable, Sequence

from agents_sdk import protocol
from agents_sdk.chat.rows import ChatRows, Placed
from agents_sdk.chat.shapes import Message
from workflows import Statement

__all__ = ["Transcript"]

_START = ""
"""Stands for what every message is behind."""
_STEP = float(1 << 20)  # between the places of two messages that follow one another


class Transcript:
    """Changes take effect in memory at once, and give the statements that make them durable."""

    def __init__(
        self,
        rows: ChatRows,
        *,
        sanitized: Callable[[Message], Message],
        most: Callable[[], int | None],
        needed: Callable[[], Collection[str]] = tuple,
    ) -> None:
        """`sanitized` gives a message as it is kept.

        Of more than `most` the oldest are deleted, up to the first one that is `needed`.
        """
        self._rows = rows
        self._sanitized = sanitized
        self._most = most
        self._needed = needed
        self._placed: list[Placed] = []
        self._by_id: dict[str, Placed] = {}
        self._first = 0.0
        """The place of a message where there is none."""

    async def load(self) -> None:
        """Reads what is stored; what was in memory only is forgotten."""
        await self._rows.settled()
        self._placed = await self._rows.messages()
        self._by_id = {one.message["id"]: one for one in self._placed}

    @property
    def messages(self) -> list[Message]:
        """All of them, in order, as a new list."""
        return [one.message for one in self._placed]

    @property
    def frame(self) -> protocol.ChatMessages:
        """What clients are sent of it."""
        return protocol.ChatMessages(messages=self.messages)

    def updated(self, id: str) -> protocol.MessageUpdated | None:
        """What clients are sent of one message; None when it is not there."""
        message = self.get(id)
        return None if message is None else protocol.MessageUpdated(message=message)

    def get(self, id: str) -> Message | None:
        """The message with this id."""
        found = self._by_id.get(id)
        return None if found is None else found.message

    def until(self, id: str | None) -> list[Message]:
        """All messages up to this one; all of them when it is not there."""
        placed = self._placed
        if id is not None and id in self._by_id:
            placed = placed[: self._index(self._by_id[id]) + 1]
        return [one.message for one in placed]

    def answered(self, id: str | None) -> str | None:
        """The message behind which another answer to `id` stands: the last one of those that it has."""
        if id is None or id not in self._by_id:
            return id
        for placed in self._placed[self._index(self._by_id[id]) + 1 :]:
            if placed.message["role"] != "assistant":
                break
            id = placed.message["id"]
        return id

    def put(self, messages: Iterable[Message], *, after: str | None = None) -> list[Statement]:
        """Stores each where it stands; a new one at the end, or behind the message `after`."""
        statements: list[Statement] = []
        for message in map(self._sanitized, messages):
            old = self._by_id.get(message["id"])
            if old is None and after is not None and self._is_full_behind(after):
                statements += self._spread()
            place = self._place(after) if old is None else old.place
            statements += self._set(Placed(place, message))
        return statements

    def take_over(self, messages: Iterable[Message], order: Sequence[str]) -> list[Statement]:
        """Stores messages of a client, which shows them in this order; what it shows behind all else is new.

        Where there is a limit, what it shows before all that is here was deleted as too old, and stays so.
        """
        known = [at for at, id in enumerate(order) if id in self._by_id]
        wanted = {message["id"]: message for message in messages}
        statements = self.put(message for id, message in wanted.items() if id in self._by_id)
        nearest = _START
        for at, id in enumerate(order):
            if id in self._by_id:
                nearest = id
            if id not in wanted or id in self._by_id:
                continue
            if known and at < known[0] and self._most() is not None:
                continue
            between = known and at < known[-1]
            statements += self.put([wanted[id]], after=nearest if between else None)
            nearest = id
        return statements

    def remove(self, ids: Iterable[str]) -> list[Statement]:
        """Deletes messages; what is not there is no error."""
        return [self._drop(self._by_id[id]) for id in ids if id in self._by_id]

    def trim(self) -> list[Statement]:
        """Deletes the oldest ones above the limit."""
        most = self._most()
        if most is None or len(self._placed) <= most:
            return []
        needed = self._needed()
        excess = self._placed[: len(self._placed) - most]
        old = list(itertools.takewhile(lambda one: one.message["id"] not in needed, excess))
        return [self._drop(one) for one in old]

    def clear(self) -> None:
        """Forgets all of them; deleting the rows is the caller's.

        What comes now stands behind them, should their rows stay.
        """
        self._first = self._place(None)
        self._placed = []
        self._by_id = {}

    def _set(self, placed: Placed) -> list[Statement]:
        id = placed.message["id"]
        old = self._by_id.get(id)
        if old is None:
            bisect.insort_right(self._placed, placed, key=_place_of)
        else:
            self._placed[self._index(old)] = placed
        self._by_id[id] = placed
        return self._rows.put_message(placed)

    def _drop(self, placed: Placed) -> Statement:
        id = placed.message["id"]
        self._placed.pop(self._index(placed))
        del self._by_id[id]
        return self._rows.drop_message(id)

    def _place(self, after: str | None) -> float:
        placed: Sequence[Placed] = self._placed
        if not placed:
            return self._first
        if after == _START:
            return placed[0].place - _STEP
        if after is None or after not in self._by_id:
            return placed[-1].place + _STEP
        before = self._by_id[after].place
        behind = bisect.bisect_right(placed, before, key=_place_of)
        return before + _STEP if behind == len(placed) else (before + placed[behind].place) / 2

    def _is_full_behind(self, id: str) -> bool:
        """Whether there is no number left between it and the next one: each that came between took half."""
        if id not in self._by_id:
            return False
        before = self._by_id[id].place
        return self._place(id) == before or any(
            one.place == self._place(id) for one in self._placed[self._index(self._by_id[id]) + 1 :][:1]
        )

    def _spread(self) -> list[Statement]:
        """Gives every message its place anew."""
        self._placed = [Placed(at * _STEP, one.message) for at, one in enumerate(self._placed)]
        self._by_id = {one.message["id"]: one for one in self._placed}
        return [self._rows.place_message(one) for one in self._placed]

    def _index(self, placed: Placed) -> int:
        at = bisect.bisect_left(self._placed, placed.place, key=_place_of)
        while self._placed[at] is not placed:
            at += 1
        return at


def _place_of(placed: Placed) -> float:
    return placed.place
