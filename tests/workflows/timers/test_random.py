"""Random timers, cancellations, errors, jumps of the clock and restarts: what must hold of all of them."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import pytest

from tests.fault.sizes import size
from tests.workflows.timers.ticking import START, Ticking, ticking
from workflows.timers.cron import Cron
from workflows.timers.policy import Catchup, Overlap, TimerPolicy
from workflows.timers.timer import Every, Timer, When

pytestmark = pytest.mark.anyio

LIVES = 5
EVENTS = 8
_RULES: list[When] = [Every(7), Every(10, "end"), Cron.parse("*/15 * * * * *"), Cron.parse("* * * * *"), 20.0]


@dataclass
class Call:
    """One call, as the callback saw it."""

    nominal: float
    began: float
    attempt: int
    end: str = "cut off"


@dataclass
class Seen:
    """All calls of all lives, by timer; and what was wrong while they went on."""

    chance: random.Random
    timers: dict[int, Timer] = field(default_factory=dict)
    calls: dict[int, list[Call]] = field(default_factory=lambda: defaultdict(list))
    unwanted: set[int] = field(default_factory=set)
    """Cancelled, perhaps in vain: its only call had begun, and no other follows."""
    cancelled: set[int] = field(default_factory=set)
    running: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    wrong: list[str] = field(default_factory=list)

    async def call(self, world: Ticking, timer: Timer) -> None:
        now = world.clock.now() - START.timestamp()
        call = Call((timer.nominal - START).total_seconds(), now, timer.attempt)
        if timer.id in self.cancelled:
            self.wrong.append(f"{timer.id} was called after it was cancelled")
        if self.running[timer.id] and timer.policy.overlap != "allow":
            self.wrong.append(f"{timer.id} was called twice at once")
        if call.began < call.nominal - 0.002:
            self.wrong.append(f"{timer.id} was called early: {call}")
        self.calls[timer.id].append(call)
        self.running[timer.id] += 1
        try:
            await world.clock.sleep(self.chance.choice([0, 0.5, 3, 12, 40]))
            call.end = self.chance.choice(["done", "done", "failed"])
        finally:
            self.running[timer.id] -= 1
        if call.end == "failed":
            raise LookupError("by chance")


async def life(world: Ticking, seen: Seen) -> None:
    """Some events, then perhaps an end in the middle of a call."""
    chance = seen.chance
    world.then = lambda timer: seen.call(world, timer)
    for _ in range(EVENTS):
        match chance.randrange(6):
            case 0 | 1:
                when = chance.choice(_RULES)
                ends = isinstance(when, Every) and when.anchor == "end"
                policy = TimerPolicy(
                    catchup=chance.choice(get_args(Catchup)),
                    overlap="skip" if ends else chance.choice(get_args(Overlap)),
                    jitter=chance.choice([0, 0, 5]),
                    attempts=chance.randrange(1, 4),
                )
                timer = await world.timers.add("ann", "greet", when, policy=policy)
                seen.timers[timer.id] = timer
            case 2 if seen.timers:
                timer_id = chance.choice(sorted(seen.timers))
                seen.unwanted.add(timer_id)
                if await world.timers.cancel(timer_id):
                    seen.cancelled.add(timer_id)
            case 3:
                world.clock.shift(chance.choice([0.3, 9, 65]))
            case _:
                await world.clock.sleep(chance.random() * 30)
    if chance.random() < 0.7:
        await world.timers.close(grace=0)


def judged(seen: Seen, pending: set[int], dead: set[int]) -> list[str]:
    """Everything that does not hold."""
    wrong = list(seen.wrong)
    for timer_id, timer in seen.timers.items():
        calls = seen.calls[timer_id]
        over = {call.nominal for call in calls if call.end != "cut off"}
        gone = timer_id in seen.unwanted or timer_id in pending
        wrong += [
            f"{timer_id} began for {one.nominal}, and never ended"
            for one in calls
            if one.nominal not in over and not gone
        ]
        if timer.kind == "once":
            ended = any(call.end == "done" for call in calls)
            if not (ended or gone or timer_id in dead):
                wrong.append(f"{timer_id} is lost")
            continue
        times = [call.nominal for call in calls]
        if timer.policy.overlap != "allow":
            wrong += [
                f"{timer_id} went back: {times}" for one, other in itertools.pairwise(times) if other < one
            ]
            for one, other in itertools.pairwise(calls):
                if one.end == "done" and other.nominal == one.nominal:
                    wrong.append(f"{timer_id} was called again for {one.nominal}")
                if one.end == "cut off" and other.nominal != one.nominal:
                    wrong.append(
                        f"{timer_id} was cut off for {one.nominal}, and went on with {other.nominal}"
                    )
    return wrong


@pytest.mark.parametrize("seed", range(size(10, 1_000)))
async def test_whatever_happens(seed: int, tmp_path: Path) -> None:
    seen = Seen(random.Random(seed))
    elapsed = 0.0
    for _ in range(LIVES):
        async with ticking(tmp_path / "timers.db", down=elapsed) as world:
            await life(world, seen)
        elapsed = world.clock.now() - START.timestamp() + seen.chance.choice([0, 1, 30, 200])
    async with ticking(tmp_path / "timers.db", down=elapsed) as world:
        world.then = lambda timer: seen.call(world, timer)
        await world.clock.sleep(400)
        left = await world.timers.find()
    pending = {timer.id for timer in left if timer.state == "pending" and timer.kind == "once"}
    dead = {timer.id for timer in left if timer.state == "dead"}
    assert judged(seen, pending, dead) == []
    assert sum(map(len, seen.calls.values())) > 10
