"""Processes that start from nothing, are killed and start again: `python -m tests.fault.restarts FOLDER`.

Unlike the forked ones they bring up a new interpreter each, and how long it takes them to their first
acknowledgement is measured. The last line of the output is a report.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import select
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.fault.crash_history import History
from tests.fault.crash_mutations import MUTATIONS
from tests.fault.crash_program import INSTANCES, Witness, drive
from tests.mortal import mortal

__all__ = ["main"]

_LONGEST_LIFE = 0.3
_PATIENCE = 60.0


@dataclass(slots=True)
class Report:
    """What came out of all restarts."""

    seed: int
    restarts: int = 0
    slowest: float = 0.0
    """Seconds from the start of a process to its first acknowledgement."""
    violations: list[str] = field(default_factory=list)


def _live(folder: Path, process: int) -> None:
    """The child: tells on its standard output, and knows from its standard input."""
    known = frozenset((int(number), what) for number, what in json.loads(sys.stdin.readline()))
    witness = Witness(process, folder / "effects.log", sys.stdout.fileno())
    asyncio.run(drive(folder / "engine.db", witness, known))


def _started(
    folder: Path, number: int, history: History, report: Report, life: float | None, mutation: str
) -> bool:
    """One process; True when it came to its end by itself."""
    command = [sys.executable, "-m", "tests.fault.restarts", str(folder), "--live", str(number)]
    command += ["--mutation", mutation]
    begun = time.monotonic()
    with mortal(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(sorted(history.known())).encode() + b"\n")
        process.stdin.close()
        select.select([process.stdout], [], [], _PATIENCE)
        report.slowest = max(report.slowest, round(time.monotonic() - begun, 2))
        if life is not None:
            time.sleep(life)
            process.send_signal(signal.SIGKILL)
        for line in process.stdout.read().splitlines(keepends=True):
            if line.endswith(b"\n"):
                history.acknowledge(number, line.decode().rstrip("\n"))
    if process.returncode not in (0, -signal.SIGKILL):
        history.violations.append(f"process {number} failed; see its traceback")
    return process.returncode == 0


def main(arguments: list[str] | None = None) -> int:
    """1 when something was lost or done again, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.fault.restarts", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--restarts", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--live", type=int, default=0)
    parser.add_argument("--mutation", choices=MUTATIONS, default="none")
    options = parser.parse_args(arguments)
    if options.live:
        MUTATIONS[options.mutation]()
        _live(options.folder, options.live)
        return 0
    chance, report, databases = random.Random(options.seed), Report(options.seed), 0
    while report.restarts < options.restarts and not report.violations:
        folder = options.folder / f"db{databases}"
        folder.mkdir()
        databases += 1
        history, ended, number = History(), False, 0
        while not ended and not history.violations:
            number += 1
            last = report.restarts >= options.restarts
            life = None if last else chance.uniform(0, _LONGEST_LIFE)
            ended = _started(folder, number, history, report, life, options.mutation)
            report.restarts += not ended
        history.check(folder / "engine.db", folder / "effects.log", INSTANCES)
        report.violations += history.violations
    sys.stdout.write(json.dumps(asdict(report)) + "\n")
    sys.stdout.flush()
    return int(bool(report.violations))


if __name__ == "__main__":
    sys.exit(main())
