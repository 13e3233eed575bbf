"""Kills a writing process again and again: `python -m tests.workflows.sqlite.killed FOLDER --kills 30`.

This process runs no loop and no thread, so that a child is one fork away. A child says on a pipe what was
acknowledged; when it is dead, its file must hold that. The last line of the output is a report in JSON.
`--early` acknowledges when the write is queued, which is wrong, and must be noticed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import select
import signal
import sqlite3
import struct
import time
import traceback
from pathlib import Path

from tests.workflows.sqlite.pairs import insert, opened

_WRITERS = 8
_LONGEST_LIFE = 0.06
_FAR = 1_000_000


def main() -> int:
    """1 when something acknowledged was lost, else 0."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--early", action="store_true")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    acknowledged: set[int] = set()
    lost: set[int] = set()
    for kill in range(options.kills):
        acknowledged |= _one_life(options.folder / "killed.db", kill * _FAR, chance, early=options.early)
        lost |= acknowledged - _present(options.folder / "killed.db")
        if lost:
            break
    report = {"seed": options.seed, "acknowledged": len(acknowledged), "lost": len(lost)}
    print(json.dumps(report))  # noqa: T201
    return 1 if lost else 0


def _one_life(path: Path, first: int, chance: random.Random, *, early: bool) -> set[int]:
    """What a child acknowledged before it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _live(path, first, writing, early=early)
    os.close(writing)
    select.select([reading], [], [])  # the first acknowledgement: it is in full swing
    time.sleep(chance.random() * _LONGEST_LIFE)
    os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise SystemExit("a child ended before it was killed")
    return {key for (key,) in struct.iter_unpack("q", said[: len(said) // 8 * 8])}


def _live(path: Path, first: int, pipe: int, *, early: bool) -> None:
    try:
        asyncio.run(_write_on(path, first, pipe, early=early))
    except BaseException:  # noqa: BLE001  the child ends here, whatever it was
        traceback.print_exc()
    finally:
        os._exit(1)


async def _write_on(path: Path, first: int, pipe: int, *, early: bool) -> None:
    async with opened(path) as store:

        async def writer(key: int) -> None:
            while True:
                written = store.write(insert(key, bytes(100)))
                if early:
                    os.write(pipe, struct.pack("q", key))
                await written
                if not early:
                    os.write(pipe, struct.pack("q", key))
                key += _WRITERS

        await asyncio.gather(*(writer(first + number) for number in range(_WRITERS)))


def _present(path: Path) -> set[int]:
    connection = sqlite3.connect(path)
    try:
        if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            raise SystemExit("the file is broken")
        return {key for (key,) in connection.execute("SELECT key FROM pair")}
    finally:
        connection.close()


if __name__ == "__main__":
    raise SystemExit(main())
