"""Kills an engine while hooks deliver: `python -m tests.workflows.hooks.killed FOLDER URL SECRET --kills 12`.

Each life creates instances whose end is told to the URL; the last one lives until nothing is left to tell.
The output is which instances have ended, of those whose creation was acknowledged.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

import workflows.timers.scheduler  # noqa: F401  loaded once, not by every child
from tests.workflows.lives import lives
from workflows import Engine, Webhook, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from workflows.hooks import StartWorkflow

__all__ = ["main"]

_LONGEST_LIFE = 1.0
_TOGETHER = 8
_WARM = httpx.AsyncClient(verify=False)  # loads what a first client loads, so that no child has to


class Heard(WorkflowEntrypoint[None, Any]):
    """Started for each end."""

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Any:
        return event.payload


def main() -> int:
    """0; what is good or bad is for the reader of the output."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("url")
    parser.add_argument("secret")
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    file = options.folder / "hooks.db"

    class Told(WorkflowEntrypoint[None, Any]):
        on_complete = [
            Webhook(options.url, secret=options.secret, internal=True),
            StartWorkflow(Heard, params=lambda finished: {"of": finished.id}),
        ]

        async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Any:
            return await step.do("s", lambda: 1)

    async def live(say: Callable[[str], None], last: bool) -> None:
        async def one(engine: Engine) -> None:
            instance = await engine.workflow(Told).create()
            say(f"created {instance.id}")
            await instance.result()

        async with Engine(file, [Told, Heard], quarantine_after=None) as engine:
            say("open")
            while not last:
                await asyncio.gather(*(one(engine) for _ in range(_TOGETHER)))
            while _unfinished(file) or await engine.deliveries.list(limit=1):  # noqa: ASYNC110  from outside
                await asyncio.sleep(0.05)

    said = lives(live, kills=options.kills, seed=options.seed, longest=_LONGEST_LIFE)
    created = {line.split()[1] for line in said if line.startswith("created ")}
    with closing(sqlite3.connect(file)) as connection:
        ended = connection.execute("SELECT name FROM instance WHERE workflow = 'Told'").fetchall()
        started = connection.execute("SELECT params FROM instance WHERE workflow = 'Heard'").fetchall()
    report = {
        "created": sorted(created),
        "ended": sorted(name for (name,) in ended),
        "started": sorted(json.loads(params)["of"] for (params,) in started),
    }
    print(json.dumps(report))  # noqa: T201
    return 0


def _unfinished(file: Path) -> bool:
    with closing(sqlite3.connect(file)) as connection:
        [(count,)] = connection.execute("SELECT count(*) FROM instance WHERE finished IS NULL")
    return bool(count)


if __name__ == "__main__":
    raise SystemExit(main())
