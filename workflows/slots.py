"""Who may run: a limit for all instances and one for each workflow, first come, first served.

A slot is held by an instance of which something runs. One that waits gives it back and asks again when its
wait is over; then it stands behind those that asked before it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping

__all__ = ["Slots", "Turn"]


class Turn:
    """One instance's place: it holds a slot, has asked for one, or neither."""

    __slots__ = ("_granted", "_slots", "asked", "held", "workflow")

    def __init__(self, workflow: str, slots: Slots, granted: Callable[[], object]) -> None:
        self.workflow = workflow
        self.held = False
        self.asked = 0
        """Its place in the order of asking; 0 when it does not ask."""
        self._slots = slots
        self._granted = granted

    def ask(self) -> None:
        """A slot, now or later: `granted` is called once it is held."""
        if not self.held and not self.asked:
            self._slots.queue(self)

    def leave(self) -> None:
        """It needs no slot any more, and does not ask for one."""
        self.asked = 0
        if self.held:
            self.held = False
            self._slots.free(self.workflow)

    def grant(self) -> None:
        """The slot is its own."""
        self.held, self.asked = True, 0
        self._granted()


class Slots:
    """The slots of one backend; without any limit, every turn is granted at once."""

    def __init__(self, limit: int | None = None, limits: Mapping[str, int] | None = None) -> None:
        """`limits` are those of single workflows."""
        self._limit = limit
        self._limits = dict(limits or {})
        self._held: Counter[str] = Counter()
        self._all = 0
        self._queues: dict[str, deque[tuple[int, Turn]]] = {}
        self._asked = 0

    def is_free(self, workflow: str) -> bool:
        """Somebody who asks now need not wait: whoever asked before and could have it has got one."""
        return self._has_room(workflow)

    def queue(self, turn: Turn) -> None:
        """See `Turn.ask`."""
        self._asked += 1
        turn.asked = self._asked
        self._queues.setdefault(turn.workflow, deque()).append((self._asked, turn))
        self._grant()

    def free(self, workflow: str) -> None:
        """A slot of `workflow` has come back."""
        self._held[workflow] -= 1
        self._all -= 1
        self._grant()

    def take(self, workflow: str) -> None:
        """A slot is given without asking: what goes on may not be stopped."""
        self._held[workflow] += 1
        self._all += 1

    def _grant(self) -> None:
        while (turn := self._next()) is not None:
            self._queues[turn.workflow].popleft()
            self.take(turn.workflow)
            turn.grant()

    def _next(self) -> Turn | None:
        """Who asked first of those whose workflow has room; a full workflow does not hold up the others."""
        first: tuple[int, Turn] | None = None
        for workflow in self._queues:
            if self._has_room(workflow) and self._waiting(workflow):
                asked = self._queues[workflow][0]
                if first is None or asked[0] < first[0]:
                    first = asked
        return None if first is None else first[1]

    def _waiting(self, workflow: str) -> bool:
        queue = self._queues.get(workflow)
        while queue and queue[0][1].asked != queue[0][0]:  # it has left, or asked again since
            queue.popleft()
        return bool(queue)

    def _has_room(self, workflow: str) -> bool:
        own = self._limits.get(workflow)
        return (self._limit is None or self._all < self._limit) and (
            own is None or self._held[workflow] < own
        )
