"""A timer that ends its process: `python -m tests.workflows.timers.killer FOLDER KIND LIFE`, again and again.

Life 0 adds the timers, and ends before they are due. Those after it say whom they call, and who has come to
an end; one that is not ended by the killer says at its end what became of it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tests.workflows.timers.ticking import Ticking, ticking
from workflows.timers.policy import TimerPolicy
from workflows.timers.realm import Every, Timer, When

HOUR = 3_600.0
INNOCENT = 5
KILLERS: dict[str, tuple[When, TimerPolicy]] = {
    "once": (HOUR, TimerPolicy()),
    "every": (Every(HOUR), TimerPolicy()),
    "beside": (Every(HOUR), TimerPolicy(overlap="allow")),
}


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


async def call(world: Ticking, timer: Timer) -> None:
    say(f"calls {timer.owner}")
    if timer.method == "kills":
        await world.clock.sleep(1)
        os._exit(7)
    await world.clock.sleep(60)
    say(f"ended {timer.owner}")


async def main(folder: Path, kind: str, life: int) -> None:
    down = 1.5 * HOUR + 100 * life if life else 0
    async with ticking(folder / "timers.db", down=down, quarantine_after=3) as world:
        world.then = lambda timer: call(world, timer)
        if life == 0:
            for number in range(INNOCENT):
                await world.timers.add(f"innocent {number}", "greets", HOUR)
            when, policy = KILLERS[kind]
            await world.timers.add("killer", "kills", when, policy=policy)
            return
        await world.clock.sleep(1_000)  # much longer than all calls, one after the other
        for timer in await world.timers.find():
            say(f"{timer.state} {timer.owner}, {timer.vain} in vain: {timer.last_error}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
