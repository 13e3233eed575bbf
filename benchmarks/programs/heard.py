"""What many clients have heard of one series of broadcasts, byte by byte, and how long it was under way."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections import Counter

__all__ = ["Ear", "Heard"]

_FINE = 20  # parts of a millisecond that are told apart


class Heard:
    """Each client must hear every broadcast once, whole and in order.

    Whoever is first to hear one says what all others must hear: their bytes are compared with it.
    """

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.count = 0
        self.wrong = 0
        self.stream = bytearray()
        self.ends: list[int] = []
        self.due: list[int] = []
        self.last_heard = 0
        self.all = asyncio.Event()
        self._spans: list[tuple[int, int, int]] = []

    def first(self, frame: bytes, number: int, due: int) -> None:
        """Nobody has heard this one yet."""
        self.wrong += number != len(self.ends)
        self.stream += frame
        self.ends.append(len(self.stream))
        self.due.append(due)

    def hear(self, first: int, end: int) -> None:
        """One client has heard these broadcasts, from one number up to another."""
        self.last_heard = time.monotonic_ns()
        self._spans.append((first, end, self.last_heard))
        self.count += end - first
        if self.count >= self.wanted:
            self.all.set()

    def share(self, *shares: float) -> list[float]:
        """Milliseconds from when a broadcast was due, which these shares of the deliveries do not exceed."""
        counts: Counter[int] = Counter()
        for first, end, now in self._spans:
            counts.update((now - due) * _FINE // 1_000_000 for due in self.due[first:end])
        return [_reached(counts, share * self.count) / _FINE for share in shares]

    @property
    def seconds(self) -> float:
        """From the first broadcast that was due to the last delivery."""
        return (self.last_heard - self.due[0]) / 1e9


class Ear:
    """How far one client has heard."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._number = 0
        self._place = 0

    def known(self, data: bytes) -> int:
        """How many bytes of `data` are whole broadcasts that others have heard, and are what comes next."""
        heard, place = self._heard, self._place
        end = bisect_right(heard.ends, place + len(data), self._number)
        if end == self._number:
            return 0
        length = heard.ends[end - 1] - place
        if not heard.stream.startswith(data[:length], place):
            return 0
        self._got(end, place + length)
        return length

    def one(self, frame: bytes, number: int, due: int) -> None:
        """One broadcast: what comes next, else it is wrong."""
        heard = self._heard
        if self._number == len(heard.ends):
            heard.first(frame, number, due)
        end = heard.ends[self._number]
        heard.wrong += frame != bytes(heard.stream[self._place : end])
        self._got(self._number + 1, end)

    def _got(self, end: int, place: int) -> None:
        self._heard.hear(self._number, end)
        self._number, self._place = end, place


def _reached(counts: Counter[int], wanted: float) -> int:
    total = 0
    for value in sorted(counts):
        total += counts[value]
        if total >= wanted:
            return value
    return 0
