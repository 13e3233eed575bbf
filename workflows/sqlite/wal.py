"""The write-ahead log: when it is written back into the file, and how large it may get."""

from __future__ import annotations

import logging
import os

import aiosqlite

__all__ = ["LARGEST", "WriteAheadLog"]

LARGEST = 256 * 1024 * 1024
"""Above this, somebody keeps the log from being used again."""

_PAGES = 4_000
"""Written back about this often: less often makes it longer, more often writes pages twice."""
_AGAIN = 0.75
"""The share of `_PAGES` that counts as written after a try that did not get through."""
_BYTES = 4_096

_log = logging.getLogger(__name__)


class WriteAheadLog:
    """Belongs to the writer, which asks `due` after each commit.

    SQLite's own automatism keeps the errors of the disk to itself, and the waiters of a commit waiting. How
    many pages a commit has written is not told; it is estimated, by what the last ones came to.
    """

    def __init__(self, path: str) -> None:
        self._path = f"{path}-wal"
        self._added = 0.0
        self._ratio = 1.0
        self._left_over = 0.0
        self._pages_before = 0
        self._warned = False
        self._emptied = 0
        self.commits = 0

    def add(self, rows: int, size: int) -> None:
        """One commit."""
        self._added += 2 + rows + size // _BYTES
        self.commits += 1

    @property
    def empty(self) -> bool:
        """Nothing was committed since it was cut to nothing."""
        return self.commits == self._emptied

    @property
    def due(self) -> bool:
        """It is time to write it back."""
        return self._left_over + self._added * self._ratio >= _PAGES

    async def write_back(self, connection: aiosqlite.Connection) -> None:
        """Copies its pages into the file, as far as no reader needs the older ones."""
        added, self._added, self._left_over = self._added, 0.0, _PAGES * _AGAIN
        [[_, pages, done]] = await connection.execute_fetchall("PRAGMA wal_checkpoint(PASSIVE)")
        if pages < 0:
            return  # another program writes it back just now
        new = pages - self._pages_before if pages > self._pages_before else pages
        self._pages_before = pages
        if added and new > 0:
            self._ratio = min(max(new / added, 0.02), 20.0)
        if done == pages:
            self._left_over = 0.0
        self._look_at_size()

    async def empty_it(self, connection: aiosqlite.Connection) -> None:
        """Writes it back and cuts it to nothing; not while somebody reads, which it does not wait for."""
        await connection.execute_fetchall("PRAGMA busy_timeout=0")
        try:
            [[busy, *_]] = await connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            await connection.execute_fetchall("PRAGMA busy_timeout=5000")
        if not busy:
            self._added, self._left_over, self._pages_before, self._emptied = 0.0, 0.0, 0, self.commits
        self._look_at_size()

    def _look_at_size(self) -> None:
        try:
            size = os.stat(self._path).st_size  # noqa: PTH116  # once per thousands of pages
        except OSError:
            return
        if size > LARGEST and not self._warned:
            _log.warning(
                "%s has %d MB: a reader keeps it from being used again; look for a long query, or for "
                "another program that reads the file",
                self._path,
                size // (1024 * 1024),
            )
        self._warned = size > LARGEST
