"""A log is only called damaged where something was lost."""

from __future__ import annotations

import logging
import sqlite3
import struct
from pathlib import Path

import pytest

from workflows.clock import SystemClock
from workflows.sqlite.lost import seen_in
from workflows.sqlite.schema import APPLICATION_ID
from workflows.sqlite.store import Store

_TRANSACTIONS = 5


def _killed_after(path: Path, *, checkpoint: bool) -> bytes:
    """Leaves a file and its log as a kill does; the log."""
    file = path.with_name("before.db")
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("CREATE TABLE note(text)")
    for number in range(_TRANSACTIONS):
        connection.execute("INSERT INTO note VALUES(?)", (number,))
    if checkpoint:
        connection.execute("PRAGMA wal_checkpoint(FULL)")
    path.write_bytes(file.read_bytes())
    log = file.with_name("before.db-wal").read_bytes()
    connection.close()
    return log


def _begun_anew(log: bytes) -> bytes:
    """The header of the next use over the frames of this one: so far a writer came before it was killed."""
    words = [*struct.unpack(">8I", log[:32])]
    words[3] += 1
    words[4] += 1
    words[5] ^= 0x5EED
    as_summed = struct.unpack("<6I" if words[0] & 1 == 0 else ">6I", struct.pack(">6I", *words[:6]))
    one = two = 0
    for first, second in zip(as_summed[::2], as_summed[1::2], strict=True):
        one = (one + first + two) % 2**32
        two = (two + second + one) % 2**32
    return struct.pack(">8I", *words[:6], one, two) + log[32:]


async def _rows(path: Path) -> list[tuple[int, ...]]:
    async with await Store.open(path, clock=SystemClock()) as store:
        return list(await store.read("SELECT text FROM note"))


@pytest.mark.anyio
async def test_a_log_that_was_begun_anew_has_lost_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.db"
    path.with_name("a.db-wal").write_bytes(_begun_anew(_killed_after(path, checkpoint=True)))
    with caplog.at_level(logging.ERROR):
        assert await _rows(path) == [(number,) for number in range(_TRANSACTIONS)]
    assert caplog.records == []


@pytest.mark.parametrize("place", [16, 20, 24])
def test_a_damaged_header_does_not_hide_the_frames_behind_it(tmp_path: Path, place: int) -> None:
    path = tmp_path / "a.db"
    log = bytearray(_killed_after(path, checkpoint=False))
    whole = _seen(path, bytes(log))
    log[place] ^= 1
    assert _seen(path, bytes(log)) == whole


def _seen(path: Path, log: bytes) -> object:
    path.with_name("a.db-wal").write_bytes(log)
    seen = seen_in(str(path))
    assert seen is not None
    assert len(seen.commits) >= _TRANSACTIONS
    return seen
