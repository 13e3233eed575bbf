"""Bits that a disk has flipped, and logs that end too early: `python -m tests.fault.flips FOLDER`.

A file with known entries is damaged at one place after the other. What is then served must be what was
written, or an error; what the log has lost must be told. The last line of the output is a report.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

from workflows import Engine, StoreError, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from workflows.clock import SystemClock
from workflows.entry import Entry
from workflows.sqlite import lost
from workflows.sqlite.instances import history
from workflows.sqlite.store import Store

__all__ = ["main"]

_INSTANCES = 12
_STEPS = 25
_HEADER, _FRAME = 32, 24 + 4_096
_SERVED = "SELECT id FROM instance ORDER BY id"
Content = dict[int, list[Entry]]


@dataclass(slots=True)
class Report:
    """What came out: how often each end was seen, and what may not be."""

    seed: int
    file: dict[str, int] = field(default_factory=dict)
    log: dict[str, int] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)


class Many(WorkflowEntrypoint[None, int]):
    """Steps, one after the other: each of them a commit."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> None:
        """Ends."""
        for number in range(_STEPS):
            await step.do(f"step {number}", lambda n=number: [event.payload, n, "x" * 150])


async def _written(folder: Path) -> None:
    """`closed/` has everything in the file, `open/` has it in the log, as a kill leaves it."""
    path = folder / "a.db"
    async with Engine(path, [Many]) as engine:
        binding = engine.workflow(Many)
        for number in range(_INSTANCES):
            await (await binding.create(id=str(number), params=number)).result()
        (folder / "open").mkdir()
        for file in (path, path.with_name("a.db-wal")):
            shutil.copy(file, folder / "open")
    (folder / "closed").mkdir()
    shutil.copy(path, folder / "closed")


def _content(path: Path) -> Content:
    """Everything that would be served; raises where it is refused."""
    with closing(sqlite3.connect(path)) as connection:
        ids = [id for (id,) in connection.execute(_SERVED)]
        return {id: history(connection, id)[1] for id in ids}


def _flipped(content: bytes, place: int, bit: int) -> bytes:
    damaged = bytearray(content)
    damaged[place] ^= 1 << bit
    return bytes(damaged)


def _in_the_file(folder: Path, flips: int, report: Report, chance: random.Random) -> None:
    whole = (folder / "closed" / "a.db").read_bytes()
    expected = _content(folder / "closed" / "a.db")
    ends: Counter[str] = Counter()
    path = folder / "flipped.db"
    for _ in range(flips):
        place, bit = chance.randrange(len(whole)), chance.randrange(8)
        path.write_bytes(_flipped(whole, place, bit))
        try:
            served = _content(path)
        except (StoreError, sqlite3.Error, ValueError, TypeError, LookupError, OverflowError) as error:
            ends[f"refused: {type(error).__name__}"] += 1
            continue
        wrong = _wrong(served, expected)
        if wrong is not None:
            ends[wrong] += 1
            if wrong == "wrong":
                report.violations.append(
                    f"bit {bit} of byte {place}: a result is served that was never written"
                )
        else:
            ends["whole" if served == expected else "something is missing"] += 1
    report.file = dict(ends)


def _wrong(served: Content, expected: Content) -> str | None:
    """`wrong`: a step has another result; `misplaced`: an instance has an entry of another one."""
    misplaced = None
    for id, entries in served.items():
        right = {entry.key: entry for entry in expected.get(id, [])}
        for entry in entries:
            other = right.get(entry.key)
            if other is None:
                misplaced = "misplaced"
            elif (entry.state, entry.result, entry.error) != (other.state, other.result, other.error):
                return "wrong" if entry.result not in {one.result for one in _all(expected)} else "misplaced"
    return misplaced


def _all(content: Content) -> list[Entry]:
    return [entry for entries in content.values() for entry in entries]


class _Told(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.damage = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Counts what is said about the log."""
        self.damage += "is damaged" in record.getMessage()


def _opened(folder: Path, wal: bytes) -> tuple[int, bool]:
    """How many entries a store finds, and whether it tells that some were lost."""
    place = folder / "now"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    shutil.copy(folder / "open" / "a.db", place)
    (place / "a.db-wal").write_bytes(wal)
    told = _Told()
    log = logging.getLogger("workflows.sqlite.lost")
    log.addHandler(told)
    try:
        return asyncio.run(_count(place / "a.db")), told.damage > 0
    finally:
        log.removeHandler(told)


async def _count(path: Path) -> int:
    async with await Store.open(path, clock=SystemClock()) as store:
        tables = await store.read("SELECT count(*) FROM sqlite_master WHERE name = 'entry'")
        return (await store.read("SELECT count(*) FROM entry"))[0][0] if tables != [(0,)] else 0


def _in_the_log(folder: Path, flips: int, report: Report, chance: random.Random) -> None:
    wal = (folder / "open" / "a.db-wal").read_bytes()
    everything, told = _opened(folder, wal)
    if everything != _INSTANCES * _STEPS or told:
        report.violations.append(f"a log that is whole: {everything} entries, told: {told}")
    ends: Counter[str] = Counter()
    for _ in range(flips):
        place, bit = chance.randrange(len(wal)), chance.randrange(8)
        found, told = _opened(folder, _flipped(wal, place, bit))
        if found == everything:
            ends["whole"] += 1
        elif told:
            ends["told"] += 1
        elif found >= everything - 1:
            ends["the last commit is gone"] += 1
        else:
            ends["silent"] += 1
            report.violations.append(f"bit {bit} of byte {place} of the log: {found} entries, and not a word")
    report.log = dict(ends)


def _cut(folder: Path, step: int, report: Report) -> None:
    """The log ends at every byte of its last frame that is in use."""
    wal = (folder / "open" / "a.db-wal").read_bytes()
    seen = lost.seen_in(str(folder / "open" / "a.db"))
    assert seen is not None
    end = _HEADER + (seen.frames[-1] + 1) * _FRAME
    ends: Counter[str] = Counter()
    for size in range(end - _FRAME, end + 1, step):
        found, told = _opened(folder, wal[:size])
        ends["a prefix"] += 1
        if told or found < _INSTANCES * _STEPS - 1:
            report.violations.append(f"the log ends at byte {size}: {found} entries, told: {told}")
    report.cut = dict(ends)


def main(arguments: list[str] | None = None) -> int:
    """1 when something wrong was served, or something lost in silence."""
    parser = argparse.ArgumentParser(prog="python -m tests.fault.flips", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--flips", type=int, default=200)
    parser.add_argument("--step", type=int, default=41)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mutation", choices=_MUTATIONS, default="none")
    options = parser.parse_args(arguments)
    chance = random.Random(options.seed)
    report = Report(options.seed)
    logging.getLogger("workflows").propagate = False
    logging.getLogger("workflows").addHandler(logging.NullHandler())
    asyncio.run(_written(options.folder))
    _MUTATIONS[options.mutation]()
    _in_the_file(options.folder, 5 * options.flips, report, chance)
    _in_the_log(options.folder, options.flips, report, chance)
    _cut(options.folder, options.step, report)
    sys.stdout.write(json.dumps(asdict(report)) + "\n")
    return int(bool(report.violations))


class _Whatever(int):
    """Equals every checksum."""

    def __ne__(self, other: object) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


def _check_nothing() -> None:
    """Entries are served as they are."""
    Entry.checksum = lambda self, incarnation: _Whatever()  # type: ignore[method-assign]  # only in this process


def _look_at_nothing() -> None:
    """What the log has lost is not looked for."""
    lost.Seen.lost = lambda self, recovered: 0  # type: ignore[method-assign]  # only in this process


_MUTATIONS: dict[str, Callable[[], None]] = {
    "none": lambda: None,
    "no-checksum": _check_nothing,
    "no-look": _look_at_nothing,
}


if __name__ == "__main__":
    sys.exit(main())
