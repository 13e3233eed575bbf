"""Kills a process in the middle of a rollback, again and again: `python -m tests.fault.undone FOLDER`.

A child says on a pipe which compensations began, and which ones the engine has told to be over. The last one
lives until the instance has ended. The output ends with a report.
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
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from workflows import Engine, RollbackContext, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

__all__ = ["STEPS", "Report", "main"]

STEPS = 40
_LONGEST_LIFE = 0.05
_WORK = 0.002
_PATIENT: Any = {"retries": {"limit": 1_000, "delay": 0.001, "backoff": "constant"}}


class Out(Exception):
    """What fails the workflow."""


class Saga(WorkflowEntrypoint[int, None]):
    """Forty steps that are undone one after the other, every third of them at its second attempt."""

    errors = (Out,)

    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> None:
        """Fails at its end."""
        for number in range(STEPS):
            await step.do(f"s{number}", lambda n=number: n, rollback=self._undo, rollback_config=_PATIENT)
        raise Out("of stock")

    async def _undo(self, undone: RollbackContext[int]) -> None:
        self._say("began", undone.ctx.step.name, undone.output, type(undone.error).__name__)
        await asyncio.sleep(random.random() * _WORK)
        if undone.output is not None and undone.output % 3 == 0 and random.random() < 0.5:
            raise ConnectionError("try again")

    def _say(self, *words: object) -> None:
        os.write(self.env, f"{' '.join(map(str, words))}\n".encode())


@dataclass
class Report:
    """What all lives together said."""

    kills: int = 0
    lives_with_calls: int = 0
    done: list[str] = field(default_factory=list)
    """Steps whose compensation was told to be over, in this order."""
    again: list[str] = field(default_factory=list)
    """Steps that were undone by a later process although an earlier one had told that they were undone."""
    disordered: list[str] = field(default_factory=list)
    """Steps whose compensation began neither again nor after that of the next step."""
    wrong: list[str] = field(default_factory=list)
    """Compensations that were called with another output or error than there was."""
    last: int = STEPS
    end: str = ""

    def hear(self, said: str) -> None:
        """Everything that one child said."""
        before = set(self.done)
        lines = [line.split() for line in said.splitlines(keepends=True) if line.endswith("\n")]
        self.lives_with_calls += any(words[0] == "began" for words in lines)
        for words in lines:
            match words:
                case ["began", name, output, error]:
                    self.again += [name] if name in before else []
                    self.disordered += [] if int(name[1:]) in (self.last, self.last - 1) else [name]
                    self.last = int(name[1:])
                    self.wrong += [] if (f"s{output}", error) == (name, "Out") else [name]
                case ["done", name]:
                    self.done += [] if name in self.done else [name]
                case ["end", *rest]:
                    self.end = " ".join(rest)


def main() -> int:
    """0; what is good or bad is for the reader of the report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=15)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance, report = random.Random(options.seed), Report()
    while not report.end:
        last = report.kills == options.kills
        report.hear(_one_life(options.folder / "a.db", None if last else chance.random() * _LONGEST_LIFE))
        report.kills += not last
    print(json.dumps(asdict(report)))  # noqa: T201
    return 0


def _one_life(path: Path, seconds: float | None) -> str:
    """What a child said until it was killed, or was done."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _live(path, writing)
    os.close(writing)
    if seconds is not None:
        select.select([reading], [], [])
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


def _live(path: Path, pipe: int) -> None:
    code = 1
    try:
        asyncio.run(_work(path, pipe))
        code = 0
    except BaseException:  # noqa: BLE001  # the child ends here, whatever it was
        traceback.print_exc()
    finally:
        os._exit(code)


async def _work(path: Path, pipe: int) -> None:
    async with Engine(path, workflows=[Saga], env=pipe, quarantine_after=None) as engine:
        instance = await engine.workflow(Saga).create(id="a", exist_ok=True)
        async for event in instance.subscribe(filter=["rollback_step_completed", "workflow_errored"]):
            if event.step_name is not None:
                os.write(pipe, f"done {event.step_name.removesuffix('-1')}\n".encode())
        status = await instance.status()
        assert status.rollback is not None
        assert status.error is not None
        os.write(pipe, f"end {status.status} {status.rollback.outcome} {status.error.name}\n".encode())


if __name__ == "__main__":
    raise SystemExit(main())
