"""Rows that a disk has changed: one bit of a value, or two rows that have changed places."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from pathlib import Path

__all__ = ["flip", "kept", "swap"]

Value = int | float | str | bytes | None


def flip(path: Path, table: str, column: str, row: int) -> None:
    """Changes one bit of a value; where there is none, there is one now."""
    with closing(sqlite3.connect(path)) as file, file:
        [value] = file.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", (row,)).fetchone()
        [kind] = file.execute(
            "SELECT type FROM pragma_table_info(?) WHERE name = ?", (table, column)
        ).fetchone()
        other = _flipped(value, kind)
        place = "CAST(? AS TEXT)" if kind == "TEXT" else "?"
        sql = f"UPDATE {table} SET {column} = {place} WHERE rowid = ?"
        assert file.execute(sql, (other, row)).rowcount == 1


def swap(path: Path, table: str, columns: str, rows: tuple[int, int]) -> None:
    """Two rows change places, with their checksums, but for what they are found by."""
    names = columns.split(", ")
    with closing(sqlite3.connect(path)) as file, file:
        found = [
            file.execute(f"SELECT {columns} FROM {table} WHERE rowid = ?", (row,)).fetchone() for row in rows
        ]
        assert found[0] != found[1]
        for row, values in zip(reversed(rows), found, strict=True):
            sets = ", ".join(f"{name} = ?" for name in names)
            file.execute(f"UPDATE {table} SET {sets} WHERE rowid = ?", (*values, row))


def kept(path: Path, table: str) -> list[tuple[Value, ...]]:
    """All that a table has."""
    with closing(sqlite3.connect(path)) as file:
        file.text_factory = bytes
        return file.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()


def _flipped(value: Value, kind: str) -> Value:
    match value:
        case int():
            return value ^ 1
        case float():
            [bits] = struct.unpack("<q", struct.pack("<d", value))
            [other] = struct.unpack("<d", struct.pack("<q", bits ^ 1))
            return float(other)
        case None:
            return {"INTEGER": 1, "REAL": 1.0}.get(kind, b"1")
        case str():
            return _flipped(value.encode() or b"0", "BLOB")
        case bytes():
            return bytes([*value[:-1], value[-1] ^ 1])
