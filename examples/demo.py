"""A durable code review by an agent, killed with SIGKILL in the middle, and going on where it was.

    python examples/demo.py [--record FILE.svg]

No key, no server, no network. It checks what it shows: the exit code is 0 only if every promise was kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from examples.changes.repository import git, make_repository
from examples.demo_screen import Screen
from integrations.code_review import CodeReview, Finding, ReviewReport, choose_change
from workflows import Engine

PAUSE = 0.35
"""Seconds that each step waits in the demo."""
KILL_AFTER = 9
"""Recorded steps."""
LIMIT = 60.0
KILLED = -9 if os.name == "posix" else 1


@dataclass(slots=True)
class Life:
    """What one process told until it ended."""

    pid: int
    steps: list[str] = field(default_factory=list)
    """Recorded by this process, in order."""
    kept: list[str] = field(default_factory=list)
    """Recorded by an earlier process, and found in the journal."""
    findings: list[Finding] = field(default_factory=list)
    exit_code: int | None = None


@asynccontextmanager
async def agent_process(repository: Path, folder: Path) -> AsyncGenerator[asyncio.subprocess.Process, None]:
    """The agent in a process of its own; it does not outlive the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "examples.demo_agent",
        str(repository),
        str(folder),
        str(PAUSE),
        cwd=Path(__file__).parent.parent,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def live(repository: Path, folder: Path, screen: Screen, *, kill_after: int | None = None) -> Life:
    """Runs the agent's process to its end, or kills it once so many steps are recorded."""
    async with agent_process(repository, folder) as process:
        life = Life(process.pid)
        screen.process_started(process.pid)
        assert process.stdout is not None
        async for line in process.stdout:
            follow(life, screen, json.loads(line))
            if kill_after is not None and len(life.steps) == kill_after:
                process.kill()
                break
        life.exit_code = await process.wait()
        return life


def follow(life: Life, screen: Screen, told: dict[str, Any]) -> None:
    match told:
        case {"kind": "scheduled", "delay": delay}:
            screen.scheduled(delay)
        case {"kind": "launched"}:
            screen.launched()
        case {"kind": "recorded", "step": step, "before": True}:
            life.kept.append(step)
        case {"kind": "recorded", "step": step}:
            if life.kept and not life.steps:
                screen.resumed(len(life.kept))
            life.steps.append(step)
            screen.recorded(len(life.kept) + len(life.steps), step)
        case {"kind": "found", "findings": findings}:
            life.findings = [Finding.model_validate(finding) for finding in findings]
        case _:
            pass


async def uninterrupted(repository: Path) -> ReviewReport:
    """The same review without any kill, in memory."""
    change = await asyncio.to_thread(choose_change, repository)
    async with Engine(":memory:", [CodeReview]) as engine:
        review = await engine.workflow(CodeReview).create(id=change.workflow_id, params=change)
        report: ReviewReport = await review.result()
        return report


def broken_promises(
    killed: Life, resumed: Life, begun: Counter[str], expected: Sequence[Finding]
) -> list[str]:
    """What does not hold of that which the demo claims; empty when everything does."""
    claims = {
        "the first process was killed by us": killed.exit_code == KILLED,
        "it was killed in the middle": not killed.findings,
        "every step that was acknowledged is in the journal": set(killed.steps) <= set(resumed.kept),
        "no finished step was begun again": all(begun[step] == 1 for step in resumed.kept),
        "the second process did the rest": resumed.exit_code == 0 and bool(resumed.steps),
        "each step is recorded once": Counter((*resumed.kept, *resumed.steps)) == Counter(set(begun)),
        "the findings are those of a review that nobody killed": resumed.findings == list(expected),
        "there are findings": bool(expected),
    }
    return [claim for claim, holds in claims.items() if not holds]


def steps_begun(log: Path) -> Counter[str]:
    """How often each step was begun, by all processes together."""
    return Counter(line.partition("\t")[2] for line in log.read_text("utf-8").splitlines())


async def show(folder: Path, screen: Screen) -> list[str]:
    """The whole story; gives the promises that were broken."""
    repository = make_repository(folder / "shop")
    screen.change(git(repository, "diff", "--staged", "--shortstat"), pause=PAUSE)
    killed = await live(repository, folder, screen, kill_after=KILL_AFTER)
    screen.killed(killed.pid, len(killed.steps))
    resumed = await live(repository, folder, screen)
    begun = steps_begun(folder / "steps-begun.log")
    expected = await uninterrupted(repository)
    broken = broken_promises(killed, resumed, begun, expected.findings)
    screen.findings(resumed.findings)
    twice = [step for step, times in begun.items() if times > 1]
    screen.proof(begun, kept=resumed.kept, twice=twice)
    if broken:
        screen.broken(broken)
    else:
        screen.closing(findings=len(resumed.findings), kept=len(resumed.kept))
    return broken


async def main(record: Path | None) -> int:
    logging.getLogger().addHandler(logging.NullHandler())
    screen = Screen(recording=record is not None)
    with tempfile.TemporaryDirectory(prefix="perdure-demo-") as folder:
        try:
            async with asyncio.timeout(LIMIT):
                broken = await show(Path(folder), screen)
        except TimeoutError:
            broken = [f"it is done within {LIMIT:g} seconds"]
            screen.broken(broken)
    if record is not None:
        screen.save(record)
    return 1 if broken else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--record", type=Path, metavar="FILE.svg", help="keep what is shown as a picture")
    raise SystemExit(asyncio.run(main(parser.parse_args().record)))
