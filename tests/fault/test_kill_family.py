"""Kills of a process full of parents and children: one child for each step, one result, nobody left over.

The seed is printed. `python -m tests.fault.test_kill_family FOLDER KILLS SEED` runs it by hand.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fault.crash import Victim
from tests.fault.crash_history import History
from tests.fault.family_program import PARENTS, drive, fails

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the crash test forks its children"),
    pytest.mark.timeout(240),
]

_LONGEST_LIFE = 0.12
_PATIENCE = 30.0
_ALONE = {"Leaf": 2, "Middle": 1, "Waiting": 2}
"""The children of one parent."""


def killed(folder: Path, kills: int, chance: random.Random) -> dict[str, object]:
    """What came out of `kills` kills, on as many databases as that takes."""
    violations: list[str] = []
    done = interrupted = databases = 0
    while done < kills and not violations:
        home = folder / f"db{databases}"
        home.mkdir()
        history, process, ended = History(), 0, False
        while not ended:
            process += 1
            last = done >= kills
            before = history.count
            life = _PATIENCE if last else chance.uniform(0, _LONGEST_LIFE)
            ended = Victim(home, process, history, drive).watched(life, early=last)
            done += not ended
            interrupted += not ended and history.count > before
            if last and not ended:
                violations.append("not everything had ended")
                break
        databases += 1
        violations += [*history.violations, *_wrong(home / "engine.db", history)]
    return {"kills": done, "interrupted": interrupted, "databases": databases, "violations": violations}


def _wrong(database: Path, history: History) -> Iterator[str]:
    connection = sqlite3.connect(database)
    rows = connection.execute("SELECT id, workflow, name, status, parent FROM instance").fetchall()
    connection.close()
    children: dict[int, Counter[str]] = {}
    for _, workflow, _, status, parent in rows:
        children.setdefault(parent, Counter())[workflow] += 1
        if workflow == "Waiting" and status != "terminated":
            yield f"a child of {parent} was left over: {status}"
        if workflow in ("Leaf", "Middle") and status != "complete":
            yield f"a child of {parent} is {status}"
    for incarnation, workflow, name, _, _ in rows:
        expected = {"Parent": _ALONE, "Middle": {"Leaf": 1}}.get(workflow, {})
        if children.get(incarnation, Counter()) != expected:
            yield f'{workflow} "{name}" has the children {dict(children.get(incarnation, {}))}'
    for number in range(PARENTS):
        told = {what: history.first.get((number, what), (0, "?"))[1] for what in ("leaf", "middle", "race")}
        value = told["race"].removeprefix("child:")
        output = "ValueError" if fails(number) else ",".join((told["leaf"], told["middle"], value))
        seen = history.first.get((number, "output"), (0, "nothing"))[1]
        if seen != output:
            yield f"parent {number} came to {seen}, its children to {output}"


def test_60_kills_leave_one_child_for_each_step_and_nobody_behind(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    command = [sys.executable, "-m", "tests.fault.test_kill_family", str(tmp_path), "60", str(seed)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    sys.stdout.write(f"seed {seed}\n{ran.stdout}\n{ran.stderr}")  # shown when the test fails
    report = json.loads(ran.stdout.splitlines()[-1])
    assert report["violations"] == []
    assert report["kills"] >= 60
    assert report["interrupted"] > 20


if __name__ == "__main__":
    found = killed(Path(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3])))
    sys.stdout.write(json.dumps(found) + "\n")
