"""One process per file: who holds the lock beside it owns it, until it ends in whatever way."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from workflows.errors import StoreInUse

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = ["claim"]


def claim(path: Path) -> BaseFileLock:
    """Owns `path` until `.release()`; raises `StoreInUse` when somebody else does."""
    from filelock import FileLock, Timeout

    beside = path.with_name(f"{path.name}.lock")
    lock = FileLock(beside, timeout=0, thread_local=False, on_acquired=_sign)
    try:
        lock.acquire()
    except Timeout:
        raise StoreInUse(_explain(path, _signature(beside))) from None
    return lock


def _sign(descriptor: int) -> None:
    # Windows lets nobody read the locked first byte: it says nothing.
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, b"\n" + json.dumps({"pid": os.getpid()}).encode() + b"\n")


def _signature(beside: Path) -> int | None:
    try:
        with beside.open("rb", buffering=0) as file:
            file.seek(1)
            pid = json.loads(file.read())["pid"]
    except (OSError, ValueError, LookupError, TypeError):
        return None  # its owner is just now signing
    return pid if isinstance(pid, int) else None


def _explain(path: Path, owner: int | None) -> str:
    if owner == os.getpid():
        return f"{path} is already open in this process ({owner}): share that store, or close it first"
    who = "another process" if owner is None else f"process {owner}"
    return (
        f"{path} is in use by {who}, and one process owns a file: stop that one or choose another path. "
        "The workers of `uvicorn --workers N` are N processes: run one worker"
    )
