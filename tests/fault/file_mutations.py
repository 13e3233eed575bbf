"""Lies that the file could tell: about who owns it, room on the disk, and copies. For `mutated`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from agents_sdk import directory
from agents_sdk.chat import rows as chat
from agents_sdk.queue import item
from agents_sdk.streams import rows as agent_streams
from tests.fault.row_mutations import Whatever
from workflows.sqlite import backup, chunks, intact, store, tables, writer
from workflows.sqlite.commit import COMMIT, is_full
from workflows.sqlite.connect import Connector, standard
from workflows.sqlite.group import Group
from workflows.sqlite.writer import Writer
from workflows.timers import table

__all__ = ["FILE_MUTATIONS"]


class _NoLock:
    def release(self) -> None:
        """Nothing was locked."""


def _no_lock() -> None:
    """Everybody may open the file."""
    vars(store)["claim_file"] = lambda name: _NoLock()


def _copy_without_log() -> None:
    """A copy has what is in the file itself, and not what is in its log."""

    async def copy(path: str, target: Path, connector: Connector = standard) -> None:
        shutil.copy(path, target)

    for module in (backup, store):
        vars(module)["copy_file"] = copy


def _acknowledge_without_room() -> None:
    """What found no room is acknowledged."""

    async def lying(self: Writer, group: Group) -> None:
        await self._connection.executemany(COMMIT, [[group]])
        self._full = group.error if is_full(group.error) else None
        if self._full is not None:
            group.error, group.outcomes = None, [None] * len(group.operations)

    Writer._carry_out = lying  # type: ignore[method-assign]


def _spin() -> None:
    """A full disk is tried again without a pause."""
    vars(writer)["_AGAIN"] = 0.0


def _give_up() -> None:
    """Room is looked for once a minute."""
    vars(writer)["_AGAIN"] = 60.0


def _no_row_checksum() -> None:
    """Whatever a row has is taken for what was written."""

    for module in (intact, tables, chunks, table):
        vars(module)["checksum"] = lambda *_: Whatever(1)
    vars(item)["crc_of"] = lambda *_: Whatever(1)
    for module in (directory, agent_streams, chat):
        vars(module)["is_whole"] = lambda *_: True


FILE_MUTATIONS: dict[str, Callable[[], None]] = {
    "no-lock": _no_lock,
    "copy-without-log": _copy_without_log,
    "acknowledge-without-room": _acknowledge_without_room,
    "spin-without-room": _spin,
    "room-unseen": _give_up,
    "no-row-checksum": _no_row_checksum,
}
