"""How far a review is: a line on a terminal that goes when it is done; anywhere, what it waits long for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status
from rich.text import Text

from integrations.code_review.visible import clipped, visible
from workflows import HistoryEvent

__all__ = ["Progress", "clock_time"]

_LONG = 15.0
"""Seconds of a wait that is told."""


class Progress:
    """Follows the steps of one instance on stderr."""

    def __init__(self, title: str, *, console: Console | None = None) -> None:
        self._console = console = console or Console(stderr=True)
        self._title = title
        self._done = 0
        self._under_way: dict[str, None] = {}
        self._status = Status(self._line(), console=console) if console.is_terminal else None

    def saw(self, event: HistoryEvent) -> None:
        """Takes in one event of the instance's history."""
        if event.type == "attempt_errored":
            self._tell_wait(event)
        name = event.step_name
        if name is None or self._status is None:
            return
        if event.type == "step_started":
            self._under_way[name] = None
        elif event.type in ("step_completed", "step_errored"):
            self._done += 1
            self._under_way.pop(name, None)
        self._status.update(self._line())

    def _tell_wait(self, event: HistoryEvent) -> None:
        """Somebody has asked to be asked later: without a word a review would look as if it were stuck."""
        left = (event.retry_delay or 0) - (datetime.now(UTC) - event.timestamp).total_seconds()
        if left >= _LONG and event.error is not None:
            said = clipped(visible(event.error.message), 300)
            why = f"waiting until {clock_time(left)}: {said}; Ctrl-C loses nothing"
            self._console.print(Text(f"agents: {why}"), soft_wrap=True)

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


def clock_time(seconds: float) -> str:
    """When so many seconds are over, by the clock on the wall; with the day when it is another one."""
    now = datetime.now().astimezone()
    then = now + timedelta(seconds=seconds)
    return then.strftime("%H:%M:%S" if then.date() == now.date() else "%Y-%m-%d %H:%M")
