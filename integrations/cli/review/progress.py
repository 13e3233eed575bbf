"""How far a review is: a line on a terminal that goes when it is done, and nothing anywhere else."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status
from rich.text import Text

from workflows import HistoryEvent

__all__ = ["Progress"]


class Progress:
    """Follows the steps of one instance on stderr."""

    def __init__(self, title: str, *, console: Console | None = None) -> None:
        console = console or Console(stderr=True)
        self._title = title
        self._done = 0
        self._under_way: dict[str, None] = {}
        self._status = Status(self._line(), console=console) if console.is_terminal else None

    def saw(self, event: HistoryEvent) -> None:
        """Takes in one event of the instance's history."""
        name = event.step_name
        if name is None or self._status is None:
            return
        if event.type == "step_started":
            self._under_way[name] = None
        elif event.type in ("step_completed", "step_errored"):
            self._done += 1
            self._under_way.pop(name, None)
        self._status.update(self._line())

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def _line(self) -> Text:
        last = next(reversed(self._under_way), "")
        return Text(f"reviewing {self._title}: {self._done} steps done  {last.rpartition('-')[0]}")
