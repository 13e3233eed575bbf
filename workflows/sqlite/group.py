"""Operations that are committed together, and who waits for each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from workflows.sqlite.operation import Operation

__all__ = ["MOST_OPERATIONS", "Failed", "Group"]

T = TypeVar("T")

MOST_OPERATIONS = 4_096
_MOST_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Failed:
    """The outcome of an operation that raised."""

    error: BaseException


class Group:
    """Filled and settled on the event loop; in between the writer's thread sets `outcomes` or `error`."""

    __slots__ = ("_futures", "error", "full", "operations", "outcomes", "rows", "size")

    def __init__(self) -> None:
        self.operations: list[Operation[object]] = []
        self.outcomes: list[object] = []
        """What each operation returned, or `Failed`."""
        self.error: BaseException | None = None
        """Why nothing of the group was committed."""
        self._futures: list[asyncio.Future[Any]] = []
        self.full = False
        """No more may be added: a longer transaction would keep its first waiter too long."""
        self.size = 0
        """Bytes that it will write, about."""
        self.rows = 0
        """Rows that it has changed."""

    @property
    def decided(self) -> bool:
        """It is known what became of it."""
        return bool(self.outcomes) or self.error is not None

    def add(self, operation: Operation[T], future: asyncio.Future[T]) -> None:
        """One more operation, and who waits for what it returns."""
        self.operations.append(operation)
        self._futures.append(future)
        self.size += getattr(operation, "size", 0)
        self.full = len(self.operations) >= MOST_OPERATIONS or self.size >= _MOST_BYTES

    def settle(self, explain: Callable[[BaseException], BaseException]) -> None:
        """After COMMIT: every waiter gets what its operation returned or, explained, raised."""
        for future, outcome in zip(self._futures, self.outcomes, strict=True):
            if future.done():
                continue
            if type(outcome) is Failed:
                future.set_exception(_settable(explain(outcome.error)))
            else:
                future.set_result(outcome)
        self._let_go()

    def refuse(self, error: Callable[[], BaseException]) -> None:
        """Nothing was written: every waiter gets its own error."""
        for future in self._futures:
            if not future.done():
                future.set_exception(_settable(error()))
        self._let_go()

    def cancel(self) -> None:
        """Nobody will say what became of it."""
        for future in self._futures:
            future.cancel()

    def _let_go(self) -> None:
        # The writer's thread holds its last group until it gets another one.
        self.operations, self._futures = [], []


def _settable(error: BaseException) -> BaseException:
    if not isinstance(error, StopIteration):
        return error
    wrapped = RuntimeError("an operation raised StopIteration")
    wrapped.__cause__ = error
    return wrapped
