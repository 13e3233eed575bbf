"""Commits that the write-ahead log lost to a damaged disk: noticed when the file is opened.

SQLite reads the log up to the first frame whose checksum is wrong, and takes that for its end: a bit that
flipped in the middle drops every later commit without a word. But the headers of the frames behind it are
still there. A commit is synced before the next one begins, so a power cut damages the last transaction only:
whole transactions behind a damaged frame are the work of a damaged disk.
"""

from __future__ import annotations

import itertools
import logging
import shutil
import struct
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import aiosqlite

__all__ = ["Seen", "report_lost", "seen_in"]

_HEADER = 32
_FRAME = 24
_PAGE = 4_096
_WORD = 0xFFFF_FFFF

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """The frames of a log: where those of its last use are, and which of them end a transaction."""

    frames: tuple[int, ...]
    commits: tuple[int, ...]

    def lost(self, recovered: int) -> int:
        """How many transactions lie behind the `recovered` frames, where one of them must have been whole."""
        commits = [place for place in self.commits if place >= recovered]
        if not commits or self.frames[-1] == commits[0]:
            return 0  # a transaction that was being written when the power went
        return len(commits)


def seen_in(path: str) -> Seen | None:
    """What the log of this file holds, by the headers of its frames; None when there is none.

    Call it while no connection is open: it reads the log only, but then nothing moves in it.
    """
    try:
        with Path(f"{path}-wal").open("rb") as file:
            header = file.read(_HEADER)
            if len(header) < _HEADER:
                return None
            page = int.from_bytes(header[8:12], "big")
            page = page if 512 <= page <= 65_536 and page & (page - 1) == 0 else _PAGE
            heads = []
            for place in itertools.count():
                file.seek(_HEADER + place * (_FRAME + page))
                head = file.read(_FRAME)
                if len(head) < _FRAME:
                    break
                heads.append(struct.unpack(">II8s8s", head))
    except FileNotFoundError:
        return None
    salt = header[16:24]
    if not _is_whole(header):
        [(salt, _)] = Counter([salt, *(its for _, _, its, _ in heads[:2])]).most_common(1)
    of_last_use = [(place, size) for place, (_, size, its, _) in enumerate(heads) if its == salt]
    return Seen(tuple(place for place, _ in of_last_use), tuple(place for place, size in of_last_use if size))


def _is_whole(header: bytes) -> bool:
    """A log that begins anew has its new header first, and behind it the frames of its use before."""
    words = struct.unpack("<6I" if header[3] == 0x82 else ">6I", header[:24])
    one = two = 0
    for first, second in zip(words[::2], words[1::2], strict=True):
        one = (one + first + two) & _WORD
        two = (two + second + one) & _WORD
    return struct.pack(">II", one, two) == header[24:32]


async def report_lost(connection: aiosqlite.Connection, path: str, seen: Seen) -> None:
    """Says what was lost, and keeps the log as it was; to be called before anything is written."""
    [[_, recovered, _]] = await connection.execute_fetchall("PRAGMA wal_checkpoint(PASSIVE)")
    lost = seen.lost(max(0, recovered))
    if not lost:
        return
    kept = f"{path}-wal.damaged"
    shutil.copyfile(f"{path}-wal", kept)
    _log.error(
        "%s-wal is damaged: the last %d commits in it are lost, and the file is as it was before them. The "
        "log is kept as %s. Check the disk; restore a backup where these commits matter. (After a power cut "
        'this is what durability="relaxed" allows.)',
        path,
        lost,
        kept,
    )
