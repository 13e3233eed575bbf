"""Lives that end by SIGKILL: a program is forked, killed at a random moment, and forked again."""

from __future__ import annotations

import asyncio
import os
import random
import select
import signal
import time
import traceback
from collections.abc import Awaitable, Callable

__all__ = ["Live", "lives"]

Live = Callable[[Callable[[str], None], bool], Awaitable[None]]
"""One life: gets where to say a line, and whether it is the last, which goes on to its own end."""


def lives(live: Live, *, kills: int, seed: int, longest: float) -> list[str]:
    """The whole lines that all lives said; the first line of each starts its time, at most `longest` seconds.

    The caller runs no loop and no thread, so that a child is one fork away.
    """
    chance = random.Random(seed)
    said = ""
    for life in range(kills + 1):
        heard = _one(live, None if life == kills else chance.random() * longest)
        said += heard[: heard.rfind("\n") + 1]
    return said.splitlines()


def _one(live: Live, seconds: float | None) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _run(live, writing, last=seconds is None)
    os.close(writing)
    if seconds is not None:
        select.select([reading], [], [])
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit("a child failed")
    return said


def _run(live: Live, pipe: int, *, last: bool) -> None:
    code = 1

    async def main() -> None:
        await live(lambda line: _write(pipe, line), last)

    try:
        asyncio.run(main())
        code = 0
    except BaseException:  # noqa: BLE001  the child ends here, whatever it was
        traceback.print_exc()
    finally:
        os._exit(code)


def _write(pipe: int, line: str) -> None:
    os.write(pipe, f"{line}\n".encode())
