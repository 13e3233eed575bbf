"""`self.sql`: a private SQLite file per agent, named by the agent's number, opened when first used."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from agents_sdk.errors import SqlError
from agents_sdk.part import Part
from agents_sdk.template import Name, Template, bound

__all__ = ["Row", "SqlFile", "SqlFiles", "SqlValue", "ident"]

T = TypeVar("T")

SqlValue = str | int | float | bytes | None
Row = dict[str, SqlValue]

_SETUP = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA fullfsync = ON;
PRAGMA busy_timeout = 5000;
PRAGMA trusted_schema = OFF;
"""
_REFUSED = {
    sqlite3.SQLITE_ATTACH: "ATTACH",
    sqlite3.SQLITE_DETACH: "DETACH",
    sqlite3.SQLITE_PRAGMA: "PRAGMA",
    sqlite3.SQLITE_TRANSACTION: "BEGIN or COMMIT",
    sqlite3.SQLITE_SAVEPOINT: "SAVEPOINT",
}
# Read-only, and needed: full-text search asks for the first two by itself.
_PRAGMAS = {
    "data_version",
    "page_size",
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
}
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 64 << 20,  # bytes of a value, and of a row
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 1 << 20,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 100,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 1_000_000,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 10_000,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 100,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
_LONGEST = 5.0  # seconds of one statement
_LOOK_EVERY = 10_000  # instructions of its program
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


def ident(name: str) -> Name:
    """`name` as the name of a table or a column within a statement, whatever is in it; values are params.

    In backticks: what stands in double quotes and is no name, SQLite takes for a text.
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of a table or a column is a str, not {type(name).__name__}")
    if not name or "\0" in name:
        raise ValueError(f"{name!r} cannot be the name of a table or a column")
    return Name("`" + name.replace("`", "``") + "`")


class SqlFiles:
    """The private files of all agents: a few threads, and a bounded number of open files."""

    def __init__(
        self, folder: Path, *, open_limit: int = 256, threads: int = 4, longest: float = _LONGEST
    ) -> None:
        self._folder = folder
        self._open_limit = open_limit
        self._longest = longest
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="agent-sql")
        self._slots = asyncio.Semaphore(threads)
        self._open: OrderedDict[SqlFile, None] = OrderedDict()  # the latest used last
        self._running: set[SqlFile] = set()

    def of(self, agent: int) -> SqlFile:
        """The file of the agent with this number; nothing is opened yet."""
        return SqlFile(self, self._folder / f"{agent}.db", self._longest)

    async def delete(self, agent: int) -> None:
        """Deletes the file of an agent, which nobody uses any more, if there is one."""
        path = self._folder / f"{agent}.db"
        await self._in_thread(lambda: _delete(path))

    async def close(self) -> None:
        """Closes every open file and ends the threads."""
        for file in list(self._open):
            await file.close()
        await asyncio.to_thread(self._threads.shutdown)

    async def run(self, file: SqlFile, work: Callable[[], T]) -> T:
        """Runs `work`, which opens `file`, in a thread; it ends by itself when the caller is cancelled."""
        async with self._slots:
            self._running.add(file)
            try:
                await self._make_room(file)
                return await self._in_thread(work)
            finally:
                self._running.discard(file)

    async def close_file(self, file: SqlFile) -> None:
        """Closes the handle of `file`; its next statement opens it again."""
        if self._open.pop(file, self) is None:
            await self._in_thread(file.disconnect)

    async def _make_room(self, user: SqlFile) -> None:
        self._open[user] = None
        self._open.move_to_end(user)
        idle = [file for file in self._open if file not in self._running]
        for file in idle[: max(0, len(self._open) - self._open_limit)]:
            await self.close_file(file)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


class SqlFile(Part):
    """One agent's database; statements run one after the other, each in its own transaction."""

    def __init__(self, files: SqlFiles, path: Path, longest: float) -> None:
        self._files = files
        self._path = path
        self._turn = asyncio.Lock()
        self._alone = threading.Lock()  # a cancelled caller gives up its turn while its thread still runs
        self._connection: sqlite3.Connection | None = None
        self._refused = ""
        self._longest = longest
        self._until = 0.0

    @property
    def is_open(self) -> bool:
        """A file handle is held."""
        return self._connection is not None

    async def run(self, query: str | Template, params: Sequence[object]) -> list[Row]:
        """The rows of one statement; committed when this returns."""
        query, params = bound(query, params)
        values = [_value(query, number, value) for number, value in enumerate(params, 1)]
        async with self._turn:
            return await self._files.run(self, lambda: self._execute(query, values))

    async def close(self) -> None:
        """Gives the handle back, after the statements that wait; the next one opens the file again."""
        async with self._turn:
            await self._files.close_file(self)

    async def end(self) -> None:
        """The handle is not needed any more."""
        await self.close()

    def disconnect(self) -> None:
        """Closes the handle; called in a thread."""
        with self._alone:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _execute(self, query: str, values: list[SqlValue]) -> list[Row]:
        with self._alone:
            self._refused = ""
            try:
                connection = self._connected()
                self._until = time.monotonic() + self._longest
                cursor = connection.execute(query, values)
                if cursor.description is None:
                    return []
                names = [column[0] for column in cursor.description]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            except OSError as error:
                raise SqlError(query, f"the file of the agent cannot be opened: {error.strerror}") from error
            except (sqlite3.Error, sqlite3.Warning, OverflowError, UnicodeError) as error:
                if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
                    raise SqlError(query, f"it took longer than {self._longest:g} seconds") from error
                reason = f"{self._refused} is not allowed here" if self._refused else str(error)
                raise SqlError(query, reason) from error

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._path, _FLAGS, 0o600))  # refuses a link that somebody has put there
            connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            connection.executescript(_SETUP)
            for limit, most in _LIMITS.items():
                connection.setlimit(limit, most)
            connection.set_progress_handler(self._is_late, _LOOK_EVERY)
            connection.set_authorizer(self._authorize)
            self._connection = connection
        return self._connection

    def _is_late(self) -> bool:
        return time.monotonic() > self._until

    def _authorize(self, action: int, first: str | None, second: str | None, *_where: str | None) -> int:
        harmless = action == sqlite3.SQLITE_PRAGMA and first in _PRAGMAS
        extension = action == sqlite3.SQLITE_FUNCTION and second == "load_extension"
        if extension or (action in _REFUSED and not harmless):
            self._refused = self._refused or _REFUSED.get(action, "load_extension")
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK


def _delete(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def _value(query: str, number: int, value: object) -> SqlValue:
    if value is None or isinstance(value, str | int | float | bytes):
        return value
    raise SqlError(
        query, f"parameter {number} is a {type(value).__name__}; give a str, int, float, bytes, bool or None"
    )
