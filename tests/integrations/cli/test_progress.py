from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from integrations.cli.review.progress import Progress
from workflows import HistoryEvent


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
