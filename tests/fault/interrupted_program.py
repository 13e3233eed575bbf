"""One life of a process that charges a card in a durable step: `… FOLDER POLICY LIFE`.

The effect is a line in a file that no database knows of. Lives are `die` (SIGKILL right after the effect),
`wait` (SIGKILL once the step asks), `rerun`, `result` and `error` (decide, then end) and `end`. The last line
of the output says how the instance is.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from workflows import (
    Engine,
    Happened,
    Interrupted,
    NotHappened,
    StepContext,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowStep,
)

_DECISIONS: dict[str, Any] = {
    "rerun": {"rerun": True},
    "result": {"result": "seen by a human"},
    "error": {"error": "refused by a human"},
}


def _die() -> NoReturn:
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody survives that")


class Charge(WorkflowEntrypoint[Path, None]):
    """One step with one effect."""

    policy: Any = "rerun"
    after: Callable[[], object] = staticmethod(lambda: None)

    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> Any:
        """What the step returned."""
        return await step.do("charge", self._charge, on_interrupted=self.policy)

    def _charge(self, ctx: StepContext) -> str:
        line = f"attempt {ctx.attempt}\n"
        file = os.open(self.env, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(file, line.encode())
        os.close(file)
        self.after()
        return line.strip()


def _verify(effects: Path) -> Callable[[Interrupted], Any]:
    def look(interrupted: Interrupted) -> Happened | NotHappened:
        done = effects.read_text().splitlines() if effects.exists() else []
        wanted = f"attempt {interrupted.ctx.attempt}"
        return Happened(f"{wanted}, verified") if wanted in done else NotHappened()

    return look


async def main(folder: Path, policy: str, life: str) -> None:
    """One life."""
    effects = folder / "effects.log"
    Charge.policy = staticmethod(_verify(effects)) if policy == "verify" else policy
    Charge.after = staticmethod(_die if life == "die" else lambda: None)
    async with Engine(folder / "engine.db", workflows=[Charge], env=effects) as engine:
        instance = await engine.workflow(Charge).create(id="1", params=None, exist_ok=True)
        if life == "wait" or life in _DECISIONS:
            while not (await instance.status()).undecided:  # noqa: ASYNC110  # nothing tells of it anew
                await asyncio.sleep(0.01)
        if life == "wait":
            _tell(await instance.status())
            _die()
        if life in _DECISIONS:
            await instance.decide("charge", **_DECISIONS[life])
        async for _ in instance.subscribe():
            pass
        _tell(await instance.status())


def _tell(status: Any) -> None:
    error = None if status.error is None else status.error.name
    told = [status.status, status.output, error, list(status.undecided)]
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
