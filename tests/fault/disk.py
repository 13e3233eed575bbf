"""A disk that keeps a record of everything SQLite does to it, and can fail: a VFS of another SQLite.

`Disk.cuts` shows what power cuts leave: what was synced, and of the rest each write kept, dropped or torn at
a sector. What a failed sync should have brought to the disk is dropped.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import apsw

__all__ = ["Call", "Disk", "Image", "failure"]

SECTOR = 512
Image = dict[str, bytes]
"""The files of a disk, by name."""

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Call:
    """Something that happened: `write`, `truncate`, `sync`, `drop`, `delete`, or `said` by the program."""

    kind: str
    file: str = ""
    offset: int = 0
    content: bytes = b""
    said: Any = None


@dataclass(slots=True)
class _File:
    """What of a file is on the platter, and what is not yet."""

    durable: bytearray = field(default_factory=bytearray)
    there: bool = False
    pending: list[Call] = field(default_factory=list)

    def sync(self) -> None:
        """Everything pending arrives."""
        for call in self.pending:
            _apply(self.durable, call)
        self.pending.clear()
        self.there = True

    def torn(self, chance: random.Random) -> bytes:
        """As a power cut leaves it now."""
        content = bytearray(self.durable)
        for call in self.pending:
            fate = chance.choice(("kept", "dropped", "torn"))
            if fate == "torn" and call.kind == "write":
                _tear(content, call, chance)
            elif fate == "kept":
                _apply(content, call)
        return bytes(content)


def failure(code: int, says: str) -> Exception:
    """What to raise for SQLite to see this code."""
    error = apsw.exception_for(code)
    error.args = (says,)
    return error


class Disk:
    """Records, and fails where `fault` raises."""

    def __init__(self) -> None:
        self.name = f"disk{next(_numbers)}"
        self.calls: list[Call] = []
        self.fault: Callable[[str, str], None] = lambda kind, file: None
        """Called before each call with its kind and its file: `open`, `read`, `write`, `sync`, …"""
        self._vfs = _Recording(self)

    def say(self, said: Any) -> None:
        """The program has told something, e.g. an acknowledgement."""
        self.calls.append(Call("said", said=said))

    def close(self) -> None:
        """Nothing is opened on it any more."""
        self._vfs.unregister()

    def cuts(self, places: list[int], chance: random.Random) -> Iterator[tuple[Image, list[Any]]]:
        """For each of these places, in order: the disk after a power cut there, and what was said before."""
        files: dict[str, _File] = {}
        said: list[Any] = []
        begun = 0
        for place in sorted(places):
            for call in self.calls[begun:place]:
                if call.kind == "said":
                    said.append(call.said)
                else:
                    _take(files.setdefault(call.file, _File()), call)
            begun = place
            yield {name: one.torn(chance) for name, one in files.items() if one.there or one.pending}, said


def _take(file: _File, call: Call) -> None:
    if call.kind == "sync":
        file.sync()
    elif call.kind == "drop":
        file.pending.clear()
    elif call.kind == "delete":
        file.durable.clear()
        file.pending.clear()
        file.there = False
    else:
        file.pending.append(call)


def _apply(content: bytearray, call: Call) -> None:
    if call.kind == "truncate":
        del content[call.offset :]
        return
    content.extend(bytes(max(0, call.offset - len(content))))
    content[call.offset : call.offset + len(call.content)] = call.content


def _tear(content: bytearray, call: Call, chance: random.Random) -> None:
    """Each of its sectors has arrived, or has not."""
    for start in range(0, len(call.content), SECTOR):
        if chance.random() < 0.5:
            piece = call.content[start : start + SECTOR]
            _apply(content, Call("write", call.file, call.offset + start, piece))


# The names are those of SQLite.


class _Recording(apsw.VFS):
    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        super().__init__(disk.name, base="")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        file = name.filename() if isinstance(name, apsw.URIFilename) else name or ""
        self._disk.fault("open", file)
        return _RecordedFile(self._disk, file, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self._disk.fault("delete", filename)
        super().xDelete(filename, syncdir)
        self._disk.calls.append(Call("delete", filename))


class _RecordedFile(apsw.VFSFile):
    def __init__(self, disk: Disk, file: str, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._file = file
        super().__init__("", name, flags)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        self._disk.fault("read", self._file)
        return super().xRead(amount, offset)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        self._disk.fault("write", self._file)
        super().xWrite(data, offset)
        self._disk.calls.append(Call("write", self._file, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.fault("truncate", self._file)
        super().xTruncate(newsize)
        self._disk.calls.append(Call("truncate", self._file, newsize))

    def xSync(self, flags: int) -> None:  # noqa: N802
        try:
            self._disk.fault("sync", self._file)
        except apsw.Error:
            # Linux marks the pages clean all the same: the next sync succeeds, and they never arrive.
            self._disk.calls.append(Call("drop", self._file))
            raise
        super().xSync(flags)
        self._disk.calls.append(Call("sync", self._file))
