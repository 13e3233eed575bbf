"""What the functions of steps do that are poison, and how their instances end."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workflows import NonRetryableError

__all__ = ["HUNDRED_MB", "POISONS", "Poison", "never"]

NO_RETRY: Any = {"limit": 0, "delay": 0}
HUNDRED_MB = 100_000_000
never = threading.Event()
"""Set when the test is over, so that no thread is left."""


class Odd(BaseException):
    """As those of test runners and of supervisors."""


class Mute(Exception):
    """It cannot be shown."""

    def __str__(self) -> str:
        raise ValueError("no text")

    __repr__ = __str__


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def itself() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def recurses() -> Any:
    return recurses()


async def recurses_on_the_loop() -> Any:
    return await recurses_on_the_loop()


async def hangs() -> None:
    await asyncio.Event().wait()


def hangs_in_a_thread() -> None:
    never.wait(20)


async def blocks_the_loop() -> str:
    time.sleep(0.3)  # noqa: ASYNC251  # this is what is tested
    return "blocked"


def raises(error: Callable[[], BaseException]) -> Callable[[], object]:
    def fails() -> None:
        raise error()

    return fails


def raises_on_the_loop(error: Callable[[], BaseException]) -> Callable[[], object]:
    async def fails() -> None:
        await asyncio.sleep(0)
        raise error()

    return fails


@dataclass(frozen=True)
class Poison:
    """A function of a step, and the error with which its instance is to end; None: it completes."""

    function: Callable[[], object]
    error: str | None
    retries: Any = None
    timeout: float = 20


REFUSED = "WorkflowFatalError"
POISONS = {
    "always fails": Poison(raises(lambda: ValueError("always")), "ValueError", {"limit": 3, "delay": 0.01}),
    "fails for good": Poison(raises(lambda: NonRetryableError("no")), "NonRetryableError"),
    "hangs": Poison(hangs, "WorkflowTimeoutError", NO_RETRY, 0.1),
    "hangs in a thread": Poison(hangs_in_a_thread, "WorkflowTimeoutError", NO_RETRY, 0.1),
    "returns 100 MB": Poison(lambda: "x" * HUNDRED_MB, REFUSED),
    "returns 25,000,000 numbers": Poison(lambda: [list(range(100)) for _ in range(250_000)], REFUSED),
    "returns what cannot be stored": Poison(object, REFUSED),
    "returns what contains itself": Poison(itself, REFUSED),
    "returns 100,000 levels": Poison(lambda: deep(100_000), REFUSED),
    "recurses": Poison(recurses, "RecursionError", NO_RETRY),
    "recurses on the loop": Poison(recurses_on_the_loop, "RecursionError", NO_RETRY),
    "raises SystemExit": Poison(raises(lambda: SystemExit(3)), "SystemExit"),
    "raises SystemExit on the loop": Poison(raises_on_the_loop(lambda: SystemExit(3)), "SystemExit"),
    "raises a BaseException on the loop": Poison(raises_on_the_loop(lambda: Odd("odd")), "Odd"),
    "raises MemoryError": Poison(raises(MemoryError), "MemoryError", NO_RETRY),
    "raises what cannot be shown": Poison(raises(Mute), "Mute", NO_RETRY),
    "raises 100 MB": Poison(raises(lambda: ValueError("x" * HUNDRED_MB)), "ValueError", NO_RETRY),
    "blocks the loop": Poison(blocks_the_loop, None),
}
