from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from integrations.cli.review.progress import Progress
from workflows import Failure, HistoryEvent


def _shown(*, terminal: bool) -> str:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=100)
    with Progress("main..[topic]", console=console) as progress:
        for number, type in enumerate(("step_started", "step_completed", "step_started"), 1):
            name = f"check {number}.py-1" if type == "step_started" else "check 1.py-1"
            progress.saw(HistoryEvent("review-1", number, type, datetime.now(UTC), step_name=name))
    return screen.getvalue()


@pytest.mark.parametrize("said", ["reviewing main..[topic]", "1 steps done", "check 3.py"])
def test_a_terminal_sees_how_far_it_is(said: str) -> None:
    assert said in _shown(terminal=True)


def test_a_pipe_sees_nothing() -> None:
    assert _shown(terminal=False) == ""


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize(
    ("delay", "ago", "told"),
    [(7200, 0, True), (7200, 7300, False), (2, 0, False)],
    ids=["long", "long ago", "short"],
)
def test_a_long_wait_is_told_while_it_lasts(terminal: bool, delay: float, ago: float, told: bool) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=100)
    failed = HistoryEvent(
        "review-1",
        1,
        "attempt_errored",
        datetime.now(UTC) - timedelta(seconds=ago),
        step_name="read the pull request-1",
        error=Failure("RateLimited", "over\x1b[31m the limit"),
        retry_delay=delay,
    )
    with Progress("octo/shop#1", console=console) as progress:
        progress.saw(failed)
    assert ("waiting until" in screen.getvalue()) is told
    assert ("over\\x1b[31m the limit; Ctrl-C loses nothing" in screen.getvalue()) is told
