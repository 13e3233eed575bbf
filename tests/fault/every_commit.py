"""Kills a process around each of its commits: `python -m tests.fault.every_commit FOLDER`.

It dies when a transaction is complete and not committed, or committed and not acknowledged. The file must
then be in the state of one of the commits around it, as a run that nobody killed has shown them, and the next
process must bring everything to its end. The last line of the output is a report.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.fault.small_program import main as live
from tests.fault.small_program import wrong_with
from workflows.sqlite import connect
from workflows.sqlite.commit import GroupConnection

__all__ = ["main"]

_STATE = {
    "instance": "workflow, name, params, status, finished IS NULL",
    "entry": "instance, kind, name, occurrence, state, attempts, due IS NULL, result IS NULL, error IS NULL",
    "event": "instance, type, payload",
    "moment": "instance, place, type",
}
_SLACK = 1
"""Commits by which two runs of the program may differ: a look for expired instances may share one."""
Told = list[str]


def _state(connection: sqlite3.Connection) -> str:
    """All that counts in the file."""
    rows: dict[str, Any] = {}
    for table, columns in _STATE.items():
        with contextlib.suppress(sqlite3.OperationalError):  # the tables are not made yet
            rows[table] = connection.execute(f"SELECT {columns} FROM {table} ORDER BY id").fetchall()
    return repr(rows)


class _Counting(GroupConnection):
    """Counts its commits, tells the state after each, and dies around one of them."""

    tell: Callable[[str], None]
    dies_at = 0
    dies_before = False
    commits = 0

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """As in `sqlite3`."""
        if sql != "COMMIT":
            return super().execute(sql, parameters)
        kind = type(self)
        kind.commits += 1
        if kind.commits == kind.dies_at and kind.dies_before:
            os.kill(os.getpid(), signal.SIGKILL)
        committed = super().execute(sql)
        if kind.commits == kind.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if not kind.dies_at:
            kind.tell("state " + _state(self))
        return committed


def _forked(folder: Path, *, life: int, dies_at: int = 0, dies_before: bool = False) -> tuple[Told, bool]:
    """What a child told before its end, and whether it came to its end by itself."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        _live(folder, life, write, dies_at=dies_at, dies_before=dies_before)
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as pipe:
        told = pipe.read().splitlines()
    status = os.waitpid(child, 0)[1]
    return told, not os.WIFSIGNALED(status) and os.WEXITSTATUS(status) == 0


def _live(folder: Path, life: int, pipe: int, *, dies_at: int, dies_before: bool) -> None:
    """The child; never returns."""
    code = 1

    def tell(line: str) -> None:
        os.write(pipe, f"{line}\n".encode())

    try:
        _Counting.tell = staticmethod(tell)
        _Counting.dies_at, _Counting.dies_before = dies_at, dies_before
        vars(connect)["GroupConnection"] = _Counting  # only in a child
        asyncio.run(live(folder, life, tell))
        code = 0
    except BaseException:  # noqa: BLE001  # a forked child must not run the parent's code
        traceback.print_exc()
    finally:
        os._exit(code)


def _killed(folder: Path, commit: int, *, before: bool, states: Told) -> list[str]:
    """What is wrong after a kill at this commit."""
    folder.mkdir()
    where = f"{'before' if before else 'after'} commit {commit}"
    first, ended = _forked(folder, life=1, dies_at=commit, dies_before=before)
    if ended:
        return [f"{where}: nobody was killed"]
    with contextlib.closing(sqlite3.connect(folder / "engine.db")) as connection:
        state = _state(connection)
    legal = states[max(0, commit - _SLACK - before) : commit + _SLACK + 1]
    wrong = [] if state in legal else [f"{where}: the file holds {state}, which is none of {legal}"]
    then, ended = _forked(folder, life=2)
    wrong += [] if ended else [f"{where}: the next process failed; see its traceback"]
    told = [line for line in then if not line.startswith("state ")]
    return wrong + [f"{where}: {what}" for what in wrong_with(folder, first, told)]


def main(folder: Path) -> int:
    """1 when something is wrong, else 0."""
    (folder / "unkilled").mkdir()
    told, ended = _forked(folder / "unkilled", life=1)
    states = [repr({}), *(line.removeprefix("state ") for line in told if line.startswith("state "))]
    wrong = [] if ended else ["the process that nobody killed failed"]
    for commit in range(1, len(states)):
        for before in (True, False):
            wrong += _killed(folder / f"{commit}-{before}", commit, before=before, states=states)
    sys.stdout.write(json.dumps({"commits": len(states) - 1, "wrong": wrong}) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
