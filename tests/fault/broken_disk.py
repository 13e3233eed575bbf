"""A disk that fails at its n-th call, for every n: `python -m tests.fault.broken_disk FOLDER`.

For each kind of call: the store stops within a second and says why, and whatever it had acknowledged is there
after a power cut and a new start. A failed sync drops what it should have brought to the disk. The last line
of the output is a report.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import apsw

from tests.fault import other_sqlite
from tests.fault.disk import Disk, failure
from tests.fault.other_sqlite import on_disk
from tests.fault.power import Numbered, rebuilt
from workflows.clock import SystemClock
from workflows.errors import StoreError, StoreFailed
from workflows.sqlite import wal, writer
from workflows.sqlite.commit import commit_group
from workflows.sqlite.group import Group
from workflows.sqlite.store import Store

__all__ = ["main"]

_CODES = {
    "open": apsw.SQLITE_CANTOPEN,
    "read": apsw.SQLITE_IOERR | (1 << 8),
    "write": apsw.SQLITE_IOERR | (3 << 8),
    "sync": apsw.SQLITE_IOERR | (4 << 8),
    "truncate": apsw.SQLITE_IOERR | (6 << 8),
}
_TABLE = "CREATE TABLE pair(key INTEGER PRIMARY KEY, half INTEGER NOT NULL, content BLOB) STRICT"
_FATAL = ("write", "sync", "truncate")
_WRITES = 40
_LONGEST = 1.0


@dataclass(slots=True)
class Report:
    """What came out of all failures."""

    seed: int
    failures: dict[str, int] = field(default_factory=dict)
    """How many calls of each kind have failed, each in a life of its own."""
    stopped: int = 0
    """Lives in which the store stopped for good."""
    violations: list[str] = field(default_factory=list)


class _Nth:
    """Fails the n-th call of one kind, on its own or with all that follow."""

    def __init__(self, kind: str, nth: int, *, for_good: bool) -> None:
        self._kind = kind
        self._left = nth
        self._for_good = for_good
        self.failed_at = 0.0
        self.writing = False
        self.amid = False
        """It failed while writes went on."""

    def __call__(self, kind: str, file: str) -> None:
        """Called by the disk."""
        if kind != self._kind or file.endswith("-shm"):
            return
        self._left -= 1
        if self._left == 0 or (self._left < 0 and self._for_good):
            if not self.failed_at:
                self.failed_at, self.amid = time.monotonic(), self.writing
            raise failure(_CODES[kind], "disk I/O error")


async def _life(path: Path, disk: Disk, fault: _Nth, chance: random.Random) -> str:
    """How a store ended; the disk hears of what it acknowledged."""
    end = "refused"
    try:
        async with await Store.open(path, clock=SystemClock(), connector=on_disk(disk)) as store:
            await store.migrate("pairs", [_TABLE])
            end, fault.writing = "ended", True
            for number in range(0, _WRITES, 4):
                some = [
                    store.write(Numbered(one, chance.randbytes(chance.choice((10, 5_000)))))
                    for one in range(number, number + 4)
                ]
                for one, told in enumerate(await asyncio.gather(*some, return_exceptions=True), number):
                    if isinstance(told, StoreFailed):
                        raise told
                    if not isinstance(told, BaseException):
                        assert told == one
                        disk.say(one)
                if number == _WRITES // 2:
                    with suppress(sqlite3.Error):  # a reader only
                        await store.read("SELECT count(*) FROM pair")
            fault.writing = False
            if fault.amid:  # as the log was written back behind the last of them: the next one hears of it
                await store.write(Numbered(_WRITES, b""))
    except StoreFailed:
        return "failed"
    except StoreError:
        return "refused"
    finally:
        await asyncio.sleep(0.01)  # the thread of a connection that could not be opened ends meanwhile
    return end


def _once(
    folder: Path, kind: str, nth: int, report: Report, chance: random.Random, *, for_good: bool
) -> bool:
    """One life with one failure; False when there was no n-th call."""
    where = f"{kind} {nth}{' and all after it' if for_good else ''}"
    disk = Disk()
    fault = _Nth(kind, nth, for_good=for_good)
    disk.fault = fault
    folder.mkdir()
    try:
        end = asyncio.run(_life(folder / "a.db", disk, fault, chance))
        took = time.monotonic() - fault.failed_at if fault.failed_at else 0.0
        report.stopped += end == "failed"
        if fault.amid and kind in _FATAL and end != "failed":
            report.violations.append(f"{where}: the store went on")
        if took > _LONGEST:
            report.violations.append(f"{where}: it took {took:.1f} s to stop")
        [(image, said)] = disk.cuts([len(disk.calls)], chance)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is none of the errors that are announced
        report.violations.append(f"{where}: {type(error).__name__}: {error}")
        return True
    finally:
        disk.close()
    after = folder / "after"
    after.mkdir()
    rebuilt(after, image)
    report.violations += [f"{where}: {one}" for one in _wrong(after / "a.db", said)]
    return bool(fault.failed_at)


def _wrong(file: Path, said: list[Any]) -> list[str]:
    if not file.exists():
        return ["everything is lost"] if said else []
    with closing(sqlite3.connect(file)) as connection:
        try:
            if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                return ["the file is damaged"]
            there = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'pair'").fetchone()[0]
            keys = {key // 2 for (key,) in connection.execute("SELECT key FROM pair")} if there else set()
        except sqlite3.DatabaseError as error:
            return [f"it cannot be read: {error}"]
    return [f"{len(lost)} acknowledged writes are lost"] if (lost := set(said) - keys) else []


def main(arguments: list[str] | None = None) -> int:
    """1 when something acknowledged was lost, or when the store did not stop in time, or not as announced."""
    parser = argparse.ArgumentParser(prog="python -m tests.fault.broken_disk", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--step", type=int, default=1, help="only every n-th call")
    parser.add_argument("--mutation", choices=_MUTATIONS, default="none")
    options = parser.parse_args(arguments)
    logging.disable()
    chance = random.Random(options.seed)
    report = Report(options.seed)
    wal._PAGES = 40
    _MUTATIONS[options.mutation]()
    for kind in _CODES:
        nth, goes_on = 1, True
        while goes_on:
            for for_good in (False, True):
                folder = options.folder / f"{kind}-{nth}-{for_good}"
                goes_on = _once(folder, kind, nth, report, chance, for_good=for_good) and goes_on
            report.failures[kind] = report.failures.get(kind, 0) + goes_on
            nth += options.step
    sys.stdout.write(json.dumps(asdict(report)) + "\n")
    return int(bool(report.violations))


def _go_on_after_an_error() -> None:
    """An error of the disk is taken for one that passes."""
    vars(writer)["is_fatal"] = lambda error: False


def _acknowledge_what_failed() -> None:
    """A commit that failed is taken for one that did not."""

    def hopeful(connection: sqlite3.Connection, group: Group) -> None:
        commit_group(connection, group)
        if group.error is not None and all(isinstance(one, Numbered) for one in group.operations):
            group.error = None
            group.outcomes = [cast("Numbered", one).number for one in group.operations]

    vars(other_sqlite)["commit_group"] = hopeful


_MUTATIONS: dict[str, Callable[[], None]] = {
    "none": lambda: None,
    "acknowledge-what-failed": _acknowledge_what_failed,
    "go-on-after-an-error": _go_on_after_an_error,
}


if __name__ == "__main__":
    sys.exit(main())
