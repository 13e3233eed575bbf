"""Where a task stands in the user's code, for the log: asyncio shows only its outermost frame, ours."""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

__all__ = ["place", "stack"]

_OURS = (str(Path(__file__).parent), str(Path(asyncio.__file__).parent))


def place(task: asyncio.Future[Any]) -> str:
    """File and line of the innermost frame that is the user's."""
    theirs = [frame for frame in _frames(task) if not frame.f_code.co_filename.startswith(_OURS)]
    return f"{theirs[-1].f_code.co_filename}:{theirs[-1].f_lineno}" if theirs else "an unknown place"


def stack(task: asyncio.Future[Any]) -> str:
    """All frames, the innermost last, as a traceback shows them."""
    lines = [(frame, frame.f_lineno) for frame in _frames(task)]
    return "".join(traceback.StackSummary.extract(iter(lines)).format())


def _frames(task: asyncio.Future[Any]) -> list[FrameType]:
    frames: list[FrameType] = []
    awaited: object = task.get_coro() if isinstance(task, asyncio.Task) else None
    while (frame := getattr(awaited, "cr_frame", None)) is not None:
        frames.append(frame)
        awaited = getattr(awaited, "cr_await", None)
    return frames
