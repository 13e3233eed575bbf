"""Bytes of a unified diff → files and hunks.

Hunks are read by the counts of their header, so that a line of the file may start with anything. What
stands between files (the text of a mailed patch, `index:` lines) is passed over; what looks like a line of a
hunk where none can be is an error, because passing it over would lose a part of the change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import NoReturn

from integrations.code_review.diff.model import FilePatch, Hunk, Line
from integrations.code_review.diff.names import dated_name, header_names, plain_name, unprefixed
from integrations.code_review.errors import DiffError

__all__ = ["parse_diff"]

_HUNK = re.compile(rb"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@ ?(.*)")
_INDEX = re.compile(rb"index ([0-9a-f]{4,64})\.\.([0-9a-f]{4,64})(?: ([0-7]{6}))?\r?")
_NO_BLOB = re.compile(r"0+")
_NOWHERE = "/dev/null"


def parse_diff(content: bytes) -> tuple[FilePatch, ...]:
    """The files of a diff in its order; raises `DiffError` with the number of the line that is not one."""
    cursor = _Cursor(content.split(b"\n"))
    if cursor.lines[-1] == b"":
        cursor.lines.pop()
    files = []
    while (line := cursor.peek()) is not None:
        if line.startswith(b"diff --git "):
            files.append(_git_file(cursor))
        elif line.startswith((b"diff --cc ", b"diff --combined ")):
            cursor.fail("this is the combined diff of a merge; give the range A..B instead")
        elif line.startswith(b"--- ") and (cursor.peek(1) or b"").startswith(b"+++ "):
            files.append(_plain_file(cursor))
        elif _HUNK.match(line):
            cursor.fail("a hunk without the name of its file")
        else:
            cursor.at += 1
    if not files and content.strip():
        cursor.at = 0
        cursor.fail("no file header (`diff --git` or `---`/`+++`) was found; give the output of `git diff`")
    return tuple(files)


@dataclass(slots=True)
class _Cursor:
    lines: list[bytes]
    at: int = 0

    def peek(self, ahead: int = 0) -> bytes | None:
        where = self.at + ahead
        return self.lines[where] if where < len(self.lines) else None

    def taken(self, start: bytes) -> bytes | None:
        """The rest of the next line when it starts so; the line is consumed."""
        line = self.peek()
        if line is None or not line.startswith(start):
            return None
        self.at += 1
        return line[len(start) :]

    def fail(self, message: str) -> NoReturn:
        raise DiffError(message, min(self.at, len(self.lines)) + 1)


@dataclass(slots=True)
class _Header:
    """The extended header lines of git, as far as they were read."""

    old: str | None = None
    new: str | None = None
    added: bool = False
    deleted: bool = False
    copied: bool = False
    old_mode: str | None = None
    new_mode: str | None = None
    old_blob: str | None = None
    new_blob: str | None = None

    def take(self, cursor: _Cursor) -> bool:
        """Reads one line; False when it is not one of the header's."""
        line = cursor.peek() or b""
        if index := _INDEX.fullmatch(line):
            self.old_blob, self.new_blob = _blob(index[1]), _blob(index[2])
            if index[3]:
                self.old_mode = self.new_mode = index[3].decode()
        elif mode := _after(line, b"old mode ", b"deleted file mode "):
            self.old_mode = _mode(mode)
            self.deleted = line.startswith(b"deleted")
        elif mode := _after(line, b"new mode ", b"new file mode "):
            self.new_mode = _mode(mode)
            self.added = line.startswith(b"new file")
        elif name := _after(line, b"rename from ", b"copy from "):
            self.old = plain_name(name)
            self.copied = line.startswith(b"copy")
        elif name := _after(line, b"rename to ", b"copy to "):
            self.new = plain_name(name)
        elif not line.startswith((b"similarity index ", b"dissimilarity index ")):
            return False
        cursor.at += 1
        return True


def _git_file(cursor: _Cursor) -> FilePatch:
    start = cursor.at
    names = header_names(cursor.taken(b"diff --git ") or b"")
    header = _Header()
    while header.take(cursor):
        pass
    binary = _binary(cursor)
    prefixed = names is None or names[0] != names[1]
    if (old := cursor.taken(b"--- ")) is not None:
        new = cursor.taken(b"+++ ")
        if new is None:
            cursor.fail("`---` must be followed by `+++`")
        names = dated_name(old), dated_name(new)
    if names is None and (header.old is None or header.new is None):
        cursor.at = start
        cursor.fail("it cannot be told where the old name ends and the new one starts")
    old_name, new_name = (_bare(name, prefixed) for name in names or ("", ""))
    return FilePatch(
        old_path=None if header.added or old_name == _NOWHERE else header.old or old_name,
        new_path=None if header.deleted or new_name == _NOWHERE else header.new or new_name,
        hunks=_hunks(cursor),
        old_mode=header.old_mode,
        new_mode=header.new_mode,
        old_blob=header.old_blob,
        new_blob=header.new_blob,
        binary=binary,
        copied=header.copied,
    )


def _plain_file(cursor: _Cursor) -> FilePatch:
    old = dated_name(cursor.taken(b"--- ") or b"")
    new = dated_name(cursor.taken(b"+++ ") or b"")
    prefixed = old.startswith("a/") or new.startswith("b/")
    if not (hunks := _hunks(cursor)):
        cursor.fail("a hunk (`@@ -1,3 +1,4 @@`) must follow the names of the file")
    first = hunks[0]
    created = old == _NOWHERE or (first.old_start == 0 and first.old_count == 0)
    erased = new == _NOWHERE or (first.new_start == 0 and first.new_count == 0)
    return FilePatch(
        old_path=None if created else _bare(old, prefixed),
        new_path=None if erased else _bare(new, prefixed),
        hunks=hunks,
    )


def _binary(cursor: _Cursor) -> bool:
    line = cursor.peek() or b""
    if line.startswith(b"Binary files ") and line.rstrip(b"\r").endswith(b" differ"):
        cursor.at += 1
        return True
    if not line.startswith(b"GIT binary patch"):
        return False
    while (line := cursor.peek() or b"diff --git ") and not line.startswith(b"diff --git "):
        cursor.at += 1
    return True


def _hunks(cursor: _Cursor) -> tuple[Hunk, ...]:
    hunks: list[Hunk] = []
    while (cursor.peek() or b"").startswith(b"@@"):
        hunk = _hunk(cursor)
        if hunks and hunk.old_start < hunks[-1].old_start + hunks[-1].old_count:
            cursor.fail("this hunk ended, but it starts before the end of the one above it")
        hunks.append(hunk)
    line = cursor.peek() or b""
    if hunks and line.startswith((b"+", b"-", b" ")) and not line.startswith((b"--- ", b"-- ")):
        cursor.fail("the hunk has more lines than its header says")
    return tuple(hunks)


def _hunk(cursor: _Cursor) -> Hunk:
    match = _HUNK.fullmatch(cursor.peek() or b"")
    if match is None:
        cursor.fail("a hunk must start like `@@ -1,3 +1,4 @@`")
    cursor.at += 1
    old_start, new_start = int(match[1]), int(match[3])
    old_count = 1 if match[2] is None else int(match[2])
    new_count = 1 if match[4] is None else int(match[4])
    lines = _lines(cursor, range(old_start, old_start + old_count), range(new_start, new_start + new_count))
    section = match[5].decode("utf-8", "surrogateescape")
    return Hunk(old_start, old_count, new_start, new_count, section, tuple(lines))


def _lines(cursor: _Cursor, old: range, new: range) -> list[Line]:
    lines: list[Line] = []
    while old or new or (cursor.peek() or b"").startswith(b"\\ "):
        raw = cursor.peek()
        if raw is None:
            cursor.fail(f"the diff ends inside a hunk ({len(old)} old and {len(new)} new lines are missing)")
        text = raw[1:].decode("utf-8", "surrogateescape")
        match raw[:1]:
            case b"\\" if lines:
                lines[-1] = replace(lines[-1], ends=False)
            case b"-" if old:
                lines.append(Line("-", text, old[0], None))
                old = old[1:]
            case b"+" if new:
                lines.append(Line("+", text, None, new[0]))
                new = new[1:]
            case b" " if old and new:
                lines.append(Line(" ", text, old[0], new[0]))
                old, new = old[1:], new[1:]
            case b"" if old and new:  # mail programs drop the space of an empty line
                lines.append(Line(" ", "", old[0], new[0]))
                old, new = old[1:], new[1:]
            case _:
                cursor.fail("this line fits neither side of the hunk as its header counts them")
        cursor.at += 1
    return lines


def _after(line: bytes, *starts: bytes) -> bytes | None:
    return next((line[len(start) :] for start in starts if line.startswith(start)), None)


def _mode(written: bytes) -> str:
    return written.rstrip(b"\r").decode("ascii", "replace")


def _blob(written: bytes) -> str | None:
    name = written.decode()
    return None if _NO_BLOB.fullmatch(name) else name


def _bare(name: str, prefixed: bool) -> str:
    return unprefixed(name) if prefixed and name != _NOWHERE else name
