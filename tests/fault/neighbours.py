"""How long the steps of others take beside poison: `python -m tests.fault.neighbours FOLDER`.

Each kind of poison is measured in rounds, between two of which others run without it; a ratio is taken within
a round, so that a machine that is busy for a while is busy for both. The last line of the output is a report.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from tests.fault.poisons import POISONS, Poison, never
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

__all__ = ["KINDS", "main"]

KINDS = {
    "always fails": "always fails",
    "hangs": "hangs",
    "hangs in a thread": "hangs in a thread",
    "returns 100 MB": "returns 100 MB",
    "cannot be stored": "returns what cannot be stored",
    "recurses": "recurses",
    "recurses on the loop": "recurses on the loop",
    "raises a BaseException": "raises a BaseException on the loop",
}
"""Not those that block the loop: what they hold up is told by the log."""
_OTHERS = 8
_WARM = 0.3


async def _one() -> int:
    await asyncio.sleep(0)
    return 1


async def _measured(file: Path, poison: Poison | None, seconds: float, every: float) -> float:
    """The time that 99 of 100 steps of the others stay below."""
    took: list[float] = []
    until = time.perf_counter() + _WARM + seconds

    class Good(WorkflowEntrypoint[Any, Any]):
        async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> None:
            while (begun := time.perf_counter()) < until:
                await step.do("s", _one)
                if begun > until - seconds:
                    took.append(time.perf_counter() - begun)
                await asyncio.sleep(0.003)

    class Bad(WorkflowEntrypoint[Any, Any]):
        async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> None:
            assert poison is not None
            given = {} if poison.retries is None else {"retries": poison.retries}
            await step.do("poison", poison.function, timeout=poison.timeout, **given)

    async with Engine(file, workflows=[Good, Bad]) as engine:
        good = [await engine.workflow(Good).create() for _ in range(_OTHERS)]
        await asyncio.sleep(_WARM)
        while poison is not None and time.perf_counter() < until - every / 2:
            await engine.workflow(Bad).create()
            await asyncio.sleep(every)
        for one in good:
            await one.result()
    return statistics.quantiles(took, n=100)[-1]


async def _asked(folder: Path, rounds: int, seconds: float, every: float) -> dict[str, Any]:
    plain: list[float] = []
    ratios: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for number in range(rounds):
        kinds = list(KINDS.items())[:: -1 if number % 2 else 1]
        for kind, name in kinds:
            before, after = [
                await _measured(folder / f"{number} {kind} {what}.db", poison, seconds, every)
                for what, poison in (("without", None), ("with", POISONS[name]))
            ]
            plain.append(before)
            ratios[kind].append(after / before)
    return {
        "plain_ms": round(1_000 * statistics.median(plain), 1),
        "ratios": {kind: round(statistics.median(found), 2) for kind, found in ratios.items()},
        "highest": {kind: round(max(found), 2) for kind, found in ratios.items()},
    }


def main(arguments: list[str] | None = None) -> int:
    """Prints the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.fault.neighbours", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--every", type=float, default=1.0, help="seconds from one poison to the next")
    parser.add_argument("--seed", type=int, default=0, help="nothing is drawn by lot here")
    options = parser.parse_args(arguments)
    logging.getLogger("workflows").setLevel(logging.CRITICAL)  # what poison says is not what is asked
    report = asyncio.run(_asked(options.folder, options.rounds, options.seconds, options.every))
    never.set()
    sys.stdout.write(json.dumps(report) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
