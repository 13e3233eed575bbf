"""What is due soonest, in memory, of a table that may hold millions of dues."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Entry", "Load", "Window", "timer_window"]

D = TypeVar("D", bound=float)

Entry = tuple[int, int]
"""When a timer is due, in milliseconds since the epoch, and its id."""

_STALE = 512


@dataclass(frozen=True, slots=True)
class Load(Generic[D]):
    """What the window lacks: the next `room` rows after `after`."""

    after: tuple[D, int]
    room: int


class Window(Generic[D]):
    """Holds everything pending up to an edge, and nothing after it: what is not here is not due before it.

    Dues are numbers of which `per_second` make a second.
    """

    def __init__(self, capacity: int, *, before_all: D, per_second: int) -> None:
        self._capacity = capacity
        self._per_second = per_second
        self._heap: list[tuple[D, int]] = []
        self._due: dict[int, D] = {}
        self._edge: tuple[D, int] | None = (before_all, 0)
        self._loading: int | None = None
        self._meanwhile: dict[int, D] = {}
        """What the query that is under way may have missed, or read before it moved."""

    def __len__(self) -> int:
        return len(self._due)

    @property
    def next_due(self) -> D | None:
        """When the soonest is due; None when there is none in here."""
        heap = self._heap
        while heap and self._due.get(heap[0][1]) != heap[0][0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def offer(self, entry: tuple[D, int]) -> None:
        """A row has become due at another time, or is new; told after its COMMIT."""
        due, timer = entry
        self._meanwhile.pop(timer, None)
        if self._edge is None or entry <= self._edge:
            self._push(entry)
            if len(self._due) > 2 * self._capacity:
                self._shrink()
            return
        self._due.pop(timer, None)  # with it in here, a reading would leave the row out
        if self._loading is not None:
            self._meanwhile[timer] = due

    def forget(self, timer: int) -> None:
        """The row is gone."""
        self._due.pop(timer, None)
        self._meanwhile.pop(timer, None)
        if len(self._heap) > 2 * len(self._due) + _STALE:
            self._heap = [entry for entry in self._heap if self._due.get(entry[1]) == entry[0]]
            heapq.heapify(self._heap)

    def take(self, now: float, most: int) -> list[tuple[D, int]]:
        """Removes and returns what is due at `now` (seconds), soonest first."""
        taken: list[tuple[D, int]] = []
        while len(taken) < most and (due := self.next_due) is not None and due / self._per_second <= now:
            entry = heapq.heappop(self._heap)
            del self._due[entry[1]]
            taken.append(entry)
        return taken

    def begin_load(self) -> Load[D] | None:
        """What to read from the table now; None when there is enough, or a reading is under way."""
        if self._loading is not None or self._edge is None or len(self._due) > self._capacity // 2:
            return None
        self._loading = self._capacity - len(self._due)
        return Load(self._edge, self._loading)

    def end_load(self, found: list[tuple[D, int]]) -> None:
        """What was read for the last `begin_load`, in order."""
        self._edge = found[-1] if len(found) == self._loading else None
        self._loading = None
        meanwhile, self._meanwhile = self._meanwhile, {}
        for entry in found:
            if entry[1] not in self._due and entry[1] not in meanwhile:  # else it has moved since it was read
                self._push(entry)
        for timer, due in meanwhile.items():
            self.offer((due, timer))

    def _push(self, entry: tuple[D, int]) -> None:
        due, timer = entry
        if self._due.get(timer) != due:
            self._due[timer] = due
            heapq.heappush(self._heap, entry)

    def _shrink(self) -> None:
        kept = heapq.nsmallest(self._capacity, ((due, timer) for timer, due in self._due.items()))
        self._due = {timer: due for due, timer in kept}
        self._heap = kept
        self._edge = kept[-1]


def timer_window(capacity: int) -> Window[int]:
    """A window of a table of timers."""
    return Window(capacity, before_all=-(1 << 62), per_second=1000)
