"""Power cuts on the real write path: `python -m tests.fault.power FOLDER`.

A store runs on a recording disk; then the disk is rebuilt as cuts at random places leave it, and opened.
Every operation writes two rows; the log is written back in between, again and again. The last line of the
output is a report.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from tests.fault.disk import Call, Disk, Image
from tests.fault.other_sqlite import on_disk
from workflows.clock import SystemClock
from workflows.sqlite import wal, writer
from workflows.sqlite.group import Group
from workflows.sqlite.store import Store

__all__ = ["Report", "main", "rebuilt", "record"]

Durability = Literal["full", "relaxed"]

_TABLE = "CREATE TABLE pair(key INTEGER PRIMARY KEY, half INTEGER NOT NULL, content BLOB) STRICT"
_WRITERS = 6
_PAGES = 60
"""Pages after which the log is written back: often, as that is where it can go wrong."""


@dataclass(slots=True)
class Report:
    """What came out of all cuts."""

    seed: int
    cuts: int = 0
    acknowledged: int = 0
    lost: int = 0
    """Cuts that lost something acknowledged."""
    most: int = 0
    """The most acknowledged writes that one cut lost."""
    violations: list[str] = field(default_factory=list)
    """Damaged files, halves of operations, holes."""


class Numbered:
    """Writes two rows under the next number; the order of the calls is the order of the numbers."""

    def __init__(self, number: int, content: bytes) -> None:
        self.number = number
        self.rows = [(2 * number + half, half, content) for half in (0, 1)]
        self.size = 2 * len(content)

    def __call__(self, connection: sqlite3.Connection) -> int:
        """The number."""
        for row in self.rows:
            connection.execute("INSERT INTO pair(key, half, content) VALUES(?, ?, ?)", row)
        return self.number


async def record(
    path: Path, disk: Disk, chance: random.Random, *, durability: Durability, writes: int
) -> None:
    """One life of a store on `disk`, which hears of every acknowledgement."""
    async with await Store.open(
        path, clock=SystemClock(), durability=durability, connector=on_disk(disk)
    ) as store:
        await store.migrate("pairs", [_TABLE])
        numbers = iter(range(writes))

        async def write_on() -> None:
            for number in numbers:
                content = chance.randbytes(chance.choice((10, 200, 200, 9_000)))
                disk.say((number, await store.write(Numbered(number, content))))
                if chance.random() < 0.1:
                    await asyncio.sleep(0.001)

        await asyncio.gather(*(write_on() for _ in range(_WRITERS)))


def rebuilt(folder: Path, image: Image) -> None:
    """Writes the files of a disk into an empty folder; the index of the log does not outlive a reboot."""
    for file in folder.iterdir():
        file.unlink()
    for name, content in image.items():
        if not name.endswith("-shm"):
            (folder / Path(name).name).write_bytes(content)


def _wrong(file: Path, acknowledged: int) -> tuple[int, Iterator[str]]:
    """How many acknowledged writes are gone, and what may never be."""
    if not file.exists():
        return acknowledged, iter(())
    with closing(sqlite3.connect(file)) as connection:
        try:
            verdict = connection.execute("PRAGMA integrity_check").fetchall()
            tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'pair'").fetchone()[
                0
            ]
            keys = (
                [key for (key,) in connection.execute("SELECT key FROM pair ORDER BY key")] if tables else []
            )
        except sqlite3.DatabaseError as error:
            return 0, iter([f"it cannot be read: {error}"])
    wrong = [] if verdict == [("ok",)] else [f"integrity_check: {verdict[:3]}"]
    if keys != list(range(len(keys))):
        wrong.append("there is a hole: a later write is there, an earlier one is not")
    if len(keys) % 2:
        wrong.append("half of an operation is there")
    return max(0, acknowledged - len(keys) // 2), iter(wrong)


def main(arguments: list[str] | None = None) -> int:
    """1 when a file was damaged, or when `full` has lost something acknowledged."""
    parser = argparse.ArgumentParser(prog="python -m tests.fault.power", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cuts", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--durability", choices=("full", "relaxed"), default="full")
    parser.add_argument("--mutation", choices=_MUTATIONS, default="none")
    options = parser.parse_args(arguments)
    chance = random.Random(options.seed)
    report = Report(options.seed)
    wal._PAGES = _PAGES
    disk = Disk()
    _MUTATIONS[options.mutation](disk)
    (options.folder / "life").mkdir()
    life = record(options.folder / "life" / "a.db", disk, chance, durability=options.durability, writes=700)
    asyncio.run(life)
    (options.folder / "cut").mkdir()
    places = [chance.randrange(len(disk.calls)) for _ in range(options.cuts)]
    for image, said in disk.cuts(places, chance):
        rebuilt(options.folder / "cut", image)
        lost, wrong = _wrong(options.folder / "cut" / "a.db", len(said))
        report.cuts += 1
        report.lost += bool(lost)
        report.most = max(report.most, lost)
        report.violations += [f"cut {report.cuts}: {one}" for one in wrong]
    report.acknowledged = sum(call.kind == "said" for call in disk.calls)
    sys.stdout.write(json.dumps(asdict(report)) + "\n")
    return int(bool(report.violations) or (options.durability == "full" and report.lost > 0))


def _acknowledge_before_commit(disk: Disk) -> None:
    commit = writer.Writer._commit

    async def hasty(self: Any, group: Group) -> None:
        if all(isinstance(operation, Numbered) for operation in group.operations):
            group.outcomes = [cast("Numbered", operation).number for operation in group.operations]
            group.settle(lambda error: error)
            group.outcomes = []
            await asyncio.sleep(0.002)  # what is told now is told before the disk hears of it
        await commit(self, group)

    writer.Writer._commit = hasty  # type: ignore[method-assign]  # only in this process


class _NoSyncOfTheFile(list[Call]):
    """The log is used again although the file was not synced."""

    def append(self, call: Call, /) -> None:
        """Forgets the syncs of the file itself."""
        if call.kind != "sync" or call.file.endswith("-wal"):
            super().append(call)


def _write_back_unsynced(disk: Disk) -> None:
    disk.calls = _NoSyncOfTheFile()


_MUTATIONS: dict[str, Callable[[Disk], None]] = {
    "none": lambda disk: None,
    "acknowledge-before-commit": _acknowledge_before_commit,
    "write-back-unsynced": _write_back_unsynced,
}


if __name__ == "__main__":
    sys.exit(main())
