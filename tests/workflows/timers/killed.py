"""Kills a process while timers fire: `python -m tests.workflows.timers.killed FOLDER --kills 20`.

This process runs no loop and no thread, so that a child is one fork away. A child says on a pipe which timers
it added and which calls began; the last one lives until nothing is pending. The output ends with a report.
`--forget` deletes a timer when it is due, not when its call is done, which is wrong, and must be noticed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import select
import signal
import time
import traceback
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import workflows.timers.scheduler  # noqa: F401  loaded once, not by every child
from tests.workflows.timers.ticking import served
from workflows.clock import SystemClock
from workflows.sqlite.store import Statement, Store
from workflows.timers.policy import TimerPolicy
from workflows.timers.realm import Every, Timer

_LONGEST_LIFE = 0.15
_PER_LIFE = 300
_SPREAD = 0.4
_WORK = 0.003


@dataclass
class Seen:
    """What all lives together said."""

    added: set[int] = field(default_factory=set)
    calls: Counter[tuple[int, int]] = field(default_factory=Counter)
    """How often each timer was called for each nominal time."""
    twice_in_one_life: int = 0

    def hear(self, said: str) -> None:
        """Everything that one child said."""
        here: Counter[tuple[int, int]] = Counter()
        for line in said.splitlines(keepends=True):
            match line.split():
                case ["added", timer] if line.endswith("\n"):
                    self.added.add(int(timer))
                case ["called", timer, nominal] if line.endswith("\n"):
                    here[int(timer), int(nominal)] += 1
        self.twice_in_one_life += sum(count > 1 for count in here.values())
        self.calls += here


@dataclass(frozen=True)
class Report:
    """What a test looks at."""

    added: int
    lost: int
    called_again: int
    twice_in_one_life: int
    other_nominal: int


def main() -> int:
    """0; what is good or bad is for the reader of the report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--forget", action="store_true")
    options = parser.parse_args()
    chance, seen = random.Random(options.seed), Seen()
    for life in range(options.kills + 1):
        last = life == options.kills
        seconds = None if last else chance.random() * _LONGEST_LIFE
        seen.hear(_one_life(options.folder / "timers.db", seconds, forget=options.forget))
    print(json.dumps(asdict(_judged(seen))))  # noqa: T201
    return 0


def _judged(seen: Seen) -> Report:
    nominals = Counter(timer for timer, _ in seen.calls if timer in seen.added)
    return Report(
        added=len(seen.added),
        lost=len(seen.added - set(nominals)),
        called_again=sum(count - 1 for count in seen.calls.values()),
        twice_in_one_life=seen.twice_in_one_life,
        other_nominal=sum(count > 1 for count in nominals.values()),
    )


def _one_life(path: Path, seconds: float | None, *, forget: bool) -> str:
    """What a child said until it was killed, or was done."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _live(path, writing, to_the_end=seconds is None, forget=forget)
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


def _live(path: Path, pipe: int, *, to_the_end: bool, forget: bool) -> None:
    code = 1
    try:
        asyncio.run(_work(path, pipe, to_the_end=to_the_end, forget=forget))
        code = 0
    except BaseException:  # noqa: BLE001  the child ends here, whatever it was
        traceback.print_exc()
    finally:
        os._exit(code)


async def _work(path: Path, pipe: int, *, to_the_end: bool, forget: bool) -> None:
    clock = SystemClock()

    async def fire(timer: Timer) -> None:
        if forget:
            await store.write(Statement("DELETE FROM timer WHERE id = ? AND kind = 'once'", (timer.id,)))
            await asyncio.sleep(_WORK)
        os.write(pipe, f"called {timer.id} {round(timer.nominal.timestamp() * 1000)}\n".encode())
        await asyncio.sleep(_WORK)

    async def add() -> None:
        timer = await timers.add("ann", "greet", random.random() * _SPREAD)
        os.write(pipe, f"added {timer.id}\n".encode())

    async with await Store.open(path, clock=clock) as store, served(store, clock, fire) as timers:
        os.write(pipe, b"open\n")
        if not to_the_end:
            await timers.add("ann", "tick", Every(0.02), key="tick", policy=TimerPolicy(catchup="all"))
            await asyncio.gather(*(add() for _ in range(_PER_LIFE)))
        while not to_the_end or await timers.find(kind="once", limit=1):  # noqa: ASYNC110  looks from outside
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    raise SystemExit(main())
