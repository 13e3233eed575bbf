"""Steps for many files, a few at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from integrations.code_review.subject import digest

__all__ = ["few_at_once", "step_name"]

T = TypeVar("T")
R = TypeVar("R")

_LONGEST_PATH = 180


async def few_at_once(items: Sequence[T], call: Callable[[T], Awaitable[R]], *, at_once: int) -> list[R]:
    """The results of `call` for every item, in the order of the items."""
    free = asyncio.Semaphore(at_once)

    async def one(item: T) -> R:
        async with free:
            return await call(item)

    return await asyncio.gather(*(one(item) for item in items))


def step_name(verb: str, path: str, suffix: str = "") -> str:
    """The name of a file's step; paths that are too long for a name end with their hash."""
    if len(path) > _LONGEST_PATH:
        path = f"{path[:_LONGEST_PATH]}…{digest(path.encode())[:12]}"
    return f"{verb} {path}{suffix}"
