"""Kills a process at every failpoint: `python -m tests.fault.failpoints FOLDER`.

For each name in the source, and each n, a process dies when it comes there for the n-th time; the next one
must bring everything to its end, and nothing acknowledged is lost or done again. The last line is a report.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from tests.fault import crash_program
from tests.fault.crash import Victim
from tests.fault.crash_history import History
from tests.fault.crash_mutations import MUTATIONS
from tests.fault.failpoint_program import drive
from workflows import failpoint
from workflows.sqlite import wal

__all__ = ["main", "names"]

_SOURCES = Path(__file__).parent.parent.parent / "workflows"
_INSTANCES = 8
_PATIENCE = 30.0


@dataclass(slots=True)
class Report:
    """What came out of all kills."""

    seed: int
    kills: int = 0
    never: list[str] = field(default_factory=list)
    """Failpoints that nobody came to."""
    violations: list[str] = field(default_factory=list)


def names() -> Counter[str]:
    """The failpoints in the source, and how often each is written there."""
    found: Counter[str] = Counter()
    for file in _SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "failpoint":
                [name] = node.args
                assert isinstance(name, ast.Constant), f"{file}: the name of a failpoint is written out"
                found[str(name.value)] += 1
    return found


def _killed(folder: Path, name: str, nth: int, mutate: Callable[[], None]) -> tuple[bool, list[str]]:
    """Whether a process came there, and what is wrong after it."""
    folder.mkdir()
    history = History()

    def arm() -> None:
        mutate()
        failpoint.arm(name, "kill", nth)

    ended = Victim(folder, 1, history, drive, arm).watched(_PATIENCE, early=True)
    if not ended and not Victim(folder, 2, history, drive, mutate).watched(_PATIENCE, early=True):
        history.violations.append(f"not everything had ended after {_PATIENCE:g} undisturbed seconds")
    history.check(folder / "engine.db", folder / "effects.log", _INSTANCES)
    where = f"{name}, time {nth}"
    return not ended, [f"{where}: {one}" for one in history.violations]


def _mutate(mutation: str) -> None:
    crash_program.INSTANCES = _INSTANCES
    wal._PAGES = 30
    MUTATIONS[mutation]()


def main(arguments: list[str] | None = None) -> int:
    """1 when something is wrong or a failpoint was never reached, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.fault.failpoints", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--nth", type=int, nargs="*", default=[1, 2, 10])
    parser.add_argument("--only", default="", help="names that begin so")
    parser.add_argument("--mutation", choices=MUTATIONS, default="none")
    options = parser.parse_args(arguments)
    random.seed(options.seed)
    report = Report(options.seed)
    for name in sorted(one for one in names() if one.startswith(options.only)):
        for nth in options.nth:
            for turn in range(options.rounds):
                folder = options.folder / f"{name}-{nth}-{turn}"
                killed, wrong = _killed(folder, name, nth, partial(_mutate, options.mutation))
                report.kills += killed
                report.violations += wrong
                if nth == 1 and not killed:
                    report.never.append(name)
    sys.stdout.write(json.dumps(asdict(report)) + "\n")
    return int(bool(report.violations or report.never))


if __name__ == "__main__":
    sys.exit(main())
