"""Kills an engine while cron creates instances: `python -m tests.workflows.killed_cron FOLDER --kills 20`.

Time is virtual, and goes on in each life where the last one stood: a cron expression of seconds fires as fast
as the disk allows. The output is for which seconds instances were created, in the order of their creation.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import workflows.timers.scheduler  # noqa: F401  loaded once, not by every child
from tests.workflows.lives import lives
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from workflows.testing import VirtualClock

START = 1_767_225_600
_LONGEST_LIFE = 0.25
_LAST_LIFE = 20


class Second(WorkflowEntrypoint[None, Any]):
    """Created for each second."""

    schedules = "* * * * * *"

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Any:
        return await step.do("s", lambda: 1)


def created(file: Path) -> list[int]:
    """Seconds since the start."""
    if not file.exists():
        return []
    with closing(sqlite3.connect(file)) as connection:
        try:
            rows = connection.execute("SELECT scheduled FROM instance ORDER BY id").fetchall()
        except sqlite3.OperationalError:  # it was killed before there was a table
            return []
    return [round(scheduled) - START for (scheduled,) in rows]


def main() -> int:
    """0; what is good or bad is for the reader of the output."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    file = options.folder / "cron.db"

    async def live(say: Callable[[str], None], last: bool) -> None:
        stood = max(created(file), default=0)
        clock = VirtualClock(datetime.fromtimestamp(START + stood, UTC))
        async with Engine(file, [Second], clock=clock, quarantine_after=None):
            say("open")
            await clock.sleep(_LAST_LIFE if last else 1e6)

    lives(live, kills=options.kills, seed=options.seed, longest=_LONGEST_LIFE)
    print(json.dumps(created(file)))  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
