"""Stops a process full of workflows with SIGTERM, again and again: `python -m tests.fault.stopped FOLDER`.

Each child opens the database that the one before it left behind, and leaves its engine when it is told to. It
must end in time and by itself, nothing acknowledged is lost or done again. The last line is a report.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import select
import signal
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.fault.crash import Victim
from tests.fault.crash_history import History
from tests.fault.crash_mutations import MUTATIONS
from tests.fault.crash_program import INSTANCES, Witness
from tests.fault.crash_program import drive as drive_mixed

__all__ = ["main"]

_LONGEST_LIFE = 0.15
_PATIENCE = 20.0
_DEADLINE = 5.0


@dataclass(slots=True)
class Report:
    """What came out of all stops."""

    seed: int
    stops: int = 0
    interrupted: int = 0
    """Stops of a process that had acknowledged something and had more to do."""
    slowest: float = 0.0
    """Seconds from SIGTERM to the end."""
    violations: list[str] = field(default_factory=list)


async def drive(database: Path, witness: Witness, known: frozenset[tuple[int, str]]) -> None:
    """Until everything has ended, or somebody says to stop."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):  # `async with Engine(…)` has closed it by then
        await drive_mixed(database, witness, known)


class _Guest(Victim):
    """A process that is asked to go."""

    def stopped(self, life: float, report: Report) -> bool:
        """Lets it live so long from its first acknowledgement; True when it came to its end before."""
        select.select([self._pipe], [], [], _PATIENCE)
        deadline = time.monotonic() + life
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self._pipe], [], [], left)[0] and not self._read():
                break
        os.kill(self._id, signal.SIGTERM)
        asked = time.monotonic()
        while select.select([self._pipe], [], [], _PATIENCE)[0] and self._read():
            pass
        took = time.monotonic() - asked
        report.slowest = max(report.slowest, round(took, 2))
        if took > _DEADLINE:
            self._history.violations.append(f"process {self._process} took {took:.1f} s to stop")
            os.kill(self._id, signal.SIGKILL)
        os.close(self._pipe)
        status = os.waitpid(self._id, 0)[1]
        if os.WIFSIGNALED(status) or os.WEXITSTATUS(status):
            self._history.violations.append(f"process {self._process} did not end by itself: {status}")
        return not os.WIFSIGNALED(status)


def _one_database(folder: Path, report: Report, chance: random.Random, options: argparse.Namespace) -> None:
    folder.mkdir()
    history, process, going = History(), 0, True
    while going and not history.violations:
        process += 1
        before = history.count
        guest = _Guest(folder, process, history, drive, MUTATIONS[options.mutation])
        if report.stops >= options.stops:
            if not guest.watched(_PATIENCE, early=True):
                history.violations.append(f"not everything had ended after {_PATIENCE:g} undisturbed seconds")
            break
        guest.stopped(chance.uniform(0, _LONGEST_LIFE), report)
        going = sum(what == "output" for _, what in history.first) < INSTANCES
        report.stops += 1
        report.interrupted += going and history.count > before
    history.check(folder / "engine.db", folder / "effects.log", INSTANCES)
    report.violations += history.violations


def main(arguments: list[str] | None = None) -> int:
    """1 when something was lost, done again or late, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.fault.stopped", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stops", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mutation", choices=MUTATIONS, default="none")
    options = parser.parse_args(arguments)
    chance, report, databases = random.Random(options.seed), Report(options.seed), 0
    while report.stops < options.stops and not report.violations:
        _one_database(options.folder / f"db{databases}", report, chance, options)
        databases += 1
    sys.stdout.write(json.dumps(asdict(report)) + "\n")
    return int(bool(report.violations))


if __name__ == "__main__":
    sys.exit(main())
