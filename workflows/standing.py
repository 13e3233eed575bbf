"""Where a task stands in the user's code, for the log: asyncio shows only its outermost frame, ours."""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

__all__ = ["is_ours", "place", "place_of", "stack", "stack_of"]

_OURS = str(Path(__file__).parent)
_NOT_THEIRS = (_OURS, str(Path(asyncio.__file__).parent))


def place(task: asyncio.Future[Any]) -> str:
    """File and line of the innermost frame that is the user's."""
    theirs = _theirs(_frames(task))
    return f"{theirs[-1].f_code.co_filename}:{theirs[-1].f_lineno}" if theirs else "an unknown place"


def place_of(frames: list[FrameType]) -> str:
    """File, line and function of the innermost of these frames that is not ours, if there is one."""
    frame = (_theirs(frames) or frames)[-1]
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"


def stack(task: asyncio.Future[Any]) -> str:
    """All frames, the innermost last, as a traceback shows them."""
    return stack_of(_frames(task))


def stack_of(frames: list[FrameType]) -> str:
    """These frames, as a traceback shows them."""
    lines = [(frame, frame.f_lineno) for frame in frames]
    return "".join(traceback.StackSummary.extract(iter(lines)).format())


def is_ours(frame: FrameType) -> bool:
    """It runs code of this package."""
    return frame.f_code.co_filename.startswith(_OURS)


def _theirs(frames: list[FrameType]) -> list[FrameType]:
    return [frame for frame in frames if not frame.f_code.co_filename.startswith(_NOT_THEIRS)]


def _frames(task: asyncio.Future[Any]) -> list[FrameType]:
    frames: list[FrameType] = []
    awaited: object = task.get_coro() if isinstance(task, asyncio.Task) else None
    while (frame := getattr(awaited, "cr_frame", None)) is not None:
        frames.append(frame)
        awaited = getattr(awaited, "cr_await", None)
    return frames
