"""A copy of the file as of one moment, while others write."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from pathlib import Path

from workflows.errors import StoreError, StoreInUse
from workflows.failpoint import failpoint
from workflows.sqlite.connect import Connector, claim_file, connect_reader, file_name, make_private, standard

__all__ = ["backup", "copy_file"]


async def backup(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Copies a file as of one moment, whichever process has it open; see `Store.backup`.

    `target` must not exist. Raises `StoreError` when there is nothing to copy, or it cannot be copied.
    """
    name = file_name(source)
    if not await asyncio.to_thread(os.path.isfile, name):
        raise StoreError(f"{name} cannot be copied: there is no such file")
    with contextlib.ExitStack() as owning:
        # Where nobody has it open, nobody must open it amid this: the last one that closes it writes to it.
        with contextlib.suppress(StoreInUse):
            owning.callback(claim_file(name).release)
        await copy_file(name, Path(target))


async def copy_file(path: str, target: Path, connector: Connector = standard) -> None:
    """`target` is whole or not there; raises `StoreError` when it exists or cannot be written.

    The copy holds a prefix of the acknowledged writes: all of them up to some moment of the copying.
    """
    if target.exists():  # noqa: ASYNC240  # a look
        raise StoreError(f"{target} exists already: choose another path for the copy")
    unfinished = target.with_name(f"{target.name}.unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        make_private(unfinished)
        async with contextlib.AsyncExitStack() as resources:
            connection = await connect_reader(path, resources, connector)
            await connection.execute_fetchall("PRAGMA query_only=OFF")  # it counts the copy as a write
            await connection.execute_fetchall("VACUUM INTO ?", (str(unfinished),))
        failpoint("store.copied")
        _sync(unfinished)
        unfinished.rename(target)
        _sync(target.parent)
    except (sqlite3.Error, OSError) as error:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise StoreError(f"{path} could not be copied to {target}: {error}") from error


def _sync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":
        return  # no folder can be opened there, and none needs it
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
