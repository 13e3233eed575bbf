"""Rows of entries ↔ entries.

They are found by (instance, ordinal), both integers: an index over names would be the larger part of the
file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from workflows.entry import Entry, Key, Kind, Moment, Smooth, State
from workflows.sqlite.tables import damaged

__all__ = ["ENTRY", "SMOOTH", "SMOOTH_ALIKE", "entry_of", "entry_row", "is_smooth", "smooth_row"]

ENTRY = (
    "ordinal, kind, name, occurrence, state, attempts, due, fixed, result, error, config, active, lasted, "
    "within, moments, crc"
)
SMOOTH = "ordinal, kind, name, occurrence, result, active, moments, crc"
SMOOTH_ALIKE = {"state": int(State.DONE), "attempts": 1, "fixed": 0, "lasted": 0.0, "within": 0}
"""The other columns of an entry that `is_smooth`, except those that are NULL."""

_Row = tuple[Any, ...]


def entry_row(incarnation: int, entry: Entry) -> _Row:
    """The columns of `ENTRY`."""
    return (
        entry.ordinal,
        int(entry.key.kind),
        entry.key.name,
        entry.key.occurrence,
        int(entry.state),
        entry.attempts,
        entry.due,
        entry.fixed,
        entry.result,
        entry.error,
        entry.config,
        entry.active,
        entry.lasted,
        entry.within,
        _told(entry.moments),
        entry.checksum(incarnation),
    )


def is_smooth(entry: Entry) -> bool:
    """All that is not in `SMOOTH` is as in most entries: a first attempt that has succeeded."""
    return (
        type(entry.moments) is Smooth
        and entry.state is State.DONE
        and entry.attempts == 1
        and entry.config is None
        and not (entry.within or entry.lasted or entry.fixed)
    )


def smooth_row(incarnation: int, entry: Entry) -> _Row:
    """The columns of `SMOOTH`."""
    kind, name, occurrence = entry.key
    return (
        entry.ordinal,
        int(kind),
        name,
        occurrence,
        None if entry.result is None else bytearray(entry.result),  # taken as it is, other than `bytes`
        entry.active,
        bytearray(_told(entry.moments)),
        entry.checksum(incarnation),
    )


def entry_of(incarnation: int, row: _Row) -> Entry:
    """From the columns of `ENTRY`; `StoreError` for what the disk has changed."""
    ordinal, kind, name, occurrence, state, attempts, due, fixed = row[:8]
    result, error, config, active, lasted, within, moments, crc = row[8:]
    try:
        entry = Entry(
            Key(Kind(kind), name, occurrence),
            ordinal,
            State(state),
            attempts,
            due,
            bool(fixed),
            result,
            error,
            _config(config),
            active,
            lasted,
            within,
            _moments(moments),
        )
        whole = entry.checksum(incarnation) == crc or crc in entry.former_checksums(incarnation)
    except Exception as broken:  # a flipped bit may make anything of it, and of its types
        raise damaged(f"step {name}-{occurrence}") from broken
    if not whole:
        raise damaged(f"step {entry.key}")
    return entry


def _config(stored: bytes | None) -> bytes | None:
    """The options of a step, which the checksum leaves out, as they are."""
    if stored is not None and not isinstance(orjson.loads(stored), dict):
        raise ValueError(f"{stored!r} are no options")
    return stored


def _told(moments: Sequence[Moment]) -> bytes:
    if type(moments) is Smooth:
        told = orjson.dumps((moments.order, moments.began, moments.ended))
    else:
        told = orjson.dumps([tuple(moment) for moment in moments])
    return b"%b" % told  # copied: what orjson gives holds 4 kB


def _moments(told: bytes) -> Sequence[Moment]:
    loaded = orjson.loads(told)
    if loaded and not isinstance(loaded[0], list):
        return Smooth(*loaded)
    return [Moment(*moment) for moment in loaded]
