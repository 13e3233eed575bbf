"""Kills a process while timers fire: `python -m tests.workflows.timers.killed FOLDER --kills 20`.

A life says which timers it added and which calls began; the last one lives until nothing is pending. The
output ends with a report. `--forget` deletes a timer when it is due, not when its call is done, which is
wrong, and must be noticed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import workflows.timers.scheduler  # noqa: F401  loaded once, not by every child
from tests.workflows.lives import lives
from tests.workflows.timers.ticking import served
from workflows.clock import SystemClock
from workflows.sqlite.store import Statement, Store
from workflows.timers.policy import TimerPolicy
from workflows.timers.realm import Every, Timer, Timers

_PER_LIFE = 300
_SPREAD = 0.4
_WORK = 0.003
_RECURRING = {
    "each": TimerPolicy(catchup="all", overlap="allow"),
    "queued": TimerPolicy(catchup="all", overlap="queue_one"),
    "latest": TimerPolicy(),
}
"""Some times of the others pass without a call, as they should; of `each`, none."""


@dataclass
class Seen:
    """What all lives together said."""

    added: set[int] = field(default_factory=set)
    calls: Counter[tuple[int, int]] = field(default_factory=Counter)
    """How often each timer was called for each nominal time."""
    done: set[tuple[int, int]] = field(default_factory=set)
    """Of these, the ones that came to their end."""
    recurring: dict[str, list[int]] = field(default_factory=dict)
    """For which times each was called, in the order of the calls."""
    twice_in_one_life: int = 0

    def hear(self, lines: Iterable[str]) -> None:
        """Everything that they said; each life begins with `open`."""
        here: Counter[tuple[int, int]] = Counter()
        for line in lines:
            match line.split():
                case ["open"]:
                    here = Counter()
                case ["added", timer]:
                    self.added.add(int(timer))
                case ["done", timer, _, nominal]:
                    self.done.add((int(timer), int(nominal)))
                case ["called", timer, method, nominal]:
                    call = (int(timer), int(nominal))
                    here[call] += 1
                    self.calls[call] += 1
                    self.twice_in_one_life += here[call] == 2
                    if method in _RECURRING:
                        self.recurring.setdefault(method, []).append(int(nominal))


@dataclass(frozen=True)
class Report:
    """What a test looks at."""

    added: int
    lost: int
    called_again: int
    twice_in_one_life: int
    other_nominal: int
    abandoned: int
    """Calls that began, for a time of which none came to its end."""
    fewest_of_recurring: int
    """Calls of the one that was called least."""
    passed_over: int
    """Times of `each` between its first and its last call for which there was none."""
    out_of_order: int
    """Calls of `queued` and `latest` for an earlier time than the call before."""


def main() -> int:
    """0; what is good or bad is for the reader of the report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--longest", type=float, default=0.15)
    parser.add_argument("--interval", type=float, default=0.1, help="seconds between recurring calls")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--forget", action="store_true")
    options = parser.parse_args()

    async def live(say: Callable[[str], None], last: bool) -> None:
        await _live(options, say, last=last)

    seen = Seen()
    seen.hear(lives(live, kills=options.kills, seed=options.seed, longest=options.longest))
    print(json.dumps(asdict(_judged(seen, options.interval))))  # noqa: T201
    return 0


def _judged(seen: Seen, interval: float) -> Report:
    nominals = Counter(timer for timer, _ in seen.calls if timer in seen.added)
    each = set(seen.recurring.get("each", ()))
    span = round((max(each) - min(each)) / 1000 / interval) + 1 if each else 0
    return Report(
        added=len(seen.added),
        lost=len(seen.added - set(nominals)),
        called_again=sum(count - 1 for count in seen.calls.values()),
        twice_in_one_life=seen.twice_in_one_life,
        other_nominal=sum(count > 1 for count in nominals.values()),
        abandoned=len(set(seen.calls) - seen.done),
        fewest_of_recurring=min(len(seen.recurring.get(name, ())) for name in _RECURRING),
        passed_over=span - len(each),
        out_of_order=sum(
            later < sooner
            for name in ("queued", "latest")
            for sooner, later in zip(
                seen.recurring.get(name, ()), seen.recurring.get(name, ())[1:], strict=False
            )
        ),
    )


async def _live(options: argparse.Namespace, say: Callable[[str], None], *, last: bool) -> None:
    clock = SystemClock()

    async def fire(timer: Timer) -> None:
        if options.forget:
            await store.write(Statement("DELETE FROM timer WHERE id = ? AND kind = 'once'", (timer.id,)))
            await asyncio.sleep(_WORK)
        call = f"{timer.id} {timer.method} {round(timer.nominal.timestamp() * 1000)}"
        say(f"called {call}")
        await asyncio.sleep(_WORK)
        say(f"done {call}")

    path: Path = options.folder / "timers.db"
    async with await Store.open(path, clock=clock) as store, served(store, clock, fire) as timers:
        say("open")
        if not last:
            await _add(timers, say, options.interval)
        while not last or await timers.find(kind="once", limit=1):  # noqa: ASYNC110  looks from outside
            await asyncio.sleep(0.05)


async def _add(timers: Timers, say: Callable[[str], None], interval: float) -> None:
    async def one() -> None:
        timer = await timers.add("ann", "greet", random.random() * _SPREAD)
        say(f"added {timer.id}")

    for name, policy in _RECURRING.items():
        await timers.add("ann", name, Every(interval), key=name, policy=policy)
    await asyncio.gather(*(one() for _ in range(_PER_LIFE)))


if __name__ == "__main__":
    raise SystemExit(main())
