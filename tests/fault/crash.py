"""Kills a process again and again and checks what it had acknowledged: `python -m tests.fault.crash FOLDER`.

This process has imported everything and runs neither threads nor an event loop, so a child is one fork away.
Each child opens the database that the one before it left behind. The last line of the output is a report.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.fault.crash_history import History
from tests.fault.crash_mutations import MUTATIONS
from tests.fault.crash_program import INSTANCES, Witness, drive

__all__ = ["Report", "Victim", "main"]

Drive = Callable[[Path, Witness, frozenset[tuple[int, str]]], Coroutine[Any, Any, None]]

_LONGEST_LIFE = 0.06
_EARLY = 0.2
"""The share of children that may be killed before they have acknowledged anything."""
_PATIENCE = 20.0


@dataclass(slots=True)
class Report:
    """What came out of all kills."""

    seed: int
    kills: int = 0
    interrupted: int = 0
    """Kills of a process that had acknowledged something and had more to do."""
    databases: int = 0
    acknowledged: int = 0
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)


def main(arguments: list[str] | None = None) -> int:
    """1 when something acknowledged was lost or done again, else 0."""
    options = _parser().parse_args(arguments)
    chance = random.Random(options.seed)
    report = Report(options.seed)
    begun = time.monotonic()
    while report.kills < options.kills and not report.violations:
        _one_database(options.folder / f"db{report.databases}", report, chance, options)
    report.seconds = round(time.monotonic() - begun, 2)
    sys.stdout.write(json.dumps(asdict(report)) + "\n")
    return 1 if report.violations else 0


def _one_database(folder: Path, report: Report, chance: random.Random, options: argparse.Namespace) -> None:
    """Kills children on one database until all its instances have ended, then checks it."""
    folder.mkdir()
    history = History()
    process = 0
    alive = True
    while alive and not history.violations:
        last = report.kills >= options.kills
        life = _PATIENCE if last else chance.uniform(0, _LONGEST_LIFE)
        early = last or chance.random() < _EARLY
        process += 1
        before = history.count
        victim = Victim(folder, process, history, drive, MUTATIONS[options.mutation])
        ended = victim.watched(life, early=early)
        alive = not ended and not last
        report.kills += alive
        report.interrupted += alive and history.count > before
        if last and not ended:
            history.violations.append(f"not everything had ended after {_PATIENCE:g} undisturbed seconds")
    history.check(folder / "engine.db", folder / "effects.log", INSTANCES)
    report.databases += 1
    report.acknowledged += history.count
    report.violations += history.violations


class Victim:
    """One process that runs `drive`, from its fork to its end."""

    def __init__(
        self,
        folder: Path,
        process: int,
        history: History,
        drive: Drive,
        mutate: Callable[[], None] = lambda: None,
    ) -> None:
        self._process = process
        self._history = history
        self._unread = b""
        self._pipe, write = os.pipe()
        self._id = os.fork()
        if self._id == 0:
            mutate()
            _live(
                drive, folder / "engine.db", Witness(process, folder / "effects.log", write), history.known()
            )
        os.close(write)

    def watched(self, life: float, *, early: bool) -> bool:
        """Reads what it acknowledges, for `life` seconds or to its end; True when it ended by itself.

        The seconds count from its fork when `early`, else from the first acknowledgement: how long a child
        takes to get there depends on what else this machine does.
        """
        if not early:
            select.select([self._pipe], [], [], _PATIENCE)
        deadline = time.monotonic() + life
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self._pipe], [], [], left)[0] and not self._read():
                break
        os.kill(self._id, signal.SIGKILL)
        while self._read():
            pass
        os.close(self._pipe)
        status = os.waitpid(self._id, 0)[1]
        if not os.WIFSIGNALED(status) and os.WEXITSTATUS(status) != 0:
            self._history.violations.append(f"process {self._process} failed; see its traceback")
        return not os.WIFSIGNALED(status)

    def _read(self) -> bool:
        """False at the end of the pipe."""
        received = os.read(self._pipe, 65_536)
        *lines, self._unread = (self._unread + received).split(b"\n")
        for line in lines:
            self._history.acknowledge(self._process, line.decode())
        return bool(received)


def _live(drive: Drive, database: Path, witness: Witness, known: frozenset[tuple[int, str]]) -> None:
    """The child; never returns."""
    code = 1
    try:
        asyncio.run(drive(database, witness, known))
        code = 0
    except BaseException:  # noqa: BLE001  # a forked child must not run the parent's code
        traceback.print_exc()
    finally:
        os._exit(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fault.crash", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mutation", choices=MUTATIONS, default="none")
    return parser


if __name__ == "__main__":
    sys.exit(main())
