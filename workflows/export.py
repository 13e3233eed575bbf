"""An instance as a document: what happened to it, exact, in plain JSON, to be kept and replayed elsewhere.

    {"format": "perdure.history", "version": 1,
     "workflow": "Checkout", "id": "order-1", "status": "complete",
     "created_at": 1767225600.0, "finished_at": 1767225660.0,       # seconds since the epoch
     "params": {"amount": 5}, "output": "t-1",
     "entries": [{"kind": "do", "name": "pay", "occurrence": 1, "state": "done", "attempts": 1,
                  "result": {"id": "t-1"}}]}

Values are what is stored: JSON, with `{"$": tag, "v": …}` for what JSON cannot say. A key that is absent has
no value; entries stand in the order in which their steps started; what was streamed is left out. A version
may get more keys; what changes keys gets another number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from workflows.backend import Instance
from workflows.entry import Entry, Key, Kind, State
from workflows.errors import WorkflowError
from workflows.streams.stream import Spooled
from workflows.types import Status

__all__ = ["Recorded", "exported", "recorded"]

_FORMAT = "perdure.history"
_VERSION = 1
_REDACTED = "redacted"


@dataclass(frozen=True, slots=True)
class Recorded:
    """An exported instance, read back."""

    workflow: str
    id: str
    status: Status
    created_at: float
    params: bytes
    output: bytes | None
    error: bytes | None
    unasked: frozenset[str]
    entries: tuple[Entry, ...]
    redacted: frozenset[Key]
    """Steps whose outputs were left out: sensitive ones, and those that are streams."""


def exported(instance: Instance, entries: Sequence[Entry], *, sensitive: bool) -> dict[str, Any]:
    """The document; without `sensitive` the outputs of sensitive steps are left out of it."""
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "workflow": instance.ref.workflow,
        "id": instance.ref.id,
        "status": instance.status,
        "created_at": instance.created_at,
        **_given(finished_at=instance.finished_at, unasked=list(instance.unasked) or None),
        "params": _value(instance.params),
        **_values(output=instance.output, error=instance.error),
        "entries": [_entry(entry, sensitive=sensitive) for entry in entries],
    }


def recorded(history: Mapping[str, Any]) -> Recorded:
    """The instance that `history` describes; raises `WorkflowError` when it is no such document."""
    if history.get("format") != _FORMAT or history.get("version") != _VERSION:
        found = f"{history.get('format')!r} {history.get('version')!r}"
        raise WorkflowError(
            f"this is no history of version {_VERSION}, but {found}: make one with `await instance.export()`"
        )
    try:
        return _recorded(history)
    except (KeyError, TypeError, ValueError) as error:
        raise WorkflowError(f"the history of {history.get('id')!r} is damaged: {error!r}") from error


def _recorded(history: Mapping[str, Any]) -> Recorded:
    entries = [_read(ordinal, entry) for ordinal, entry in enumerate(history["entries"], 1)]
    hidden = [
        entry.key for entry, shown in zip(entries, history["entries"], strict=True) if _REDACTED in shown
    ]
    return Recorded(
        workflow=history["workflow"],
        id=history["id"],
        status=history["status"],
        created_at=history["created_at"],
        params=_stored(history["params"]),
        output=_stored_at(history, "output"),
        error=_stored_at(history, "error"),
        unasked=frozenset(history.get("unasked", ())),
        entries=tuple(entries),
        redacted=frozenset(hidden),
    )


def _entry(entry: Entry, *, sensitive: bool) -> dict[str, Any]:
    config = None if entry.config is None else orjson.loads(entry.config)
    secret = not sensitive and (config or {}).get("sensitive") == "output"
    hidden = entry.result is not None and (secret or Spooled.load(entry.result) is not None)
    return {
        "kind": entry.key.kind.name.lower(),
        "name": entry.key.name,
        "occurrence": entry.key.occurrence,
        "state": entry.state.name.lower(),
        "attempts": entry.attempts,
        **_given(due=entry.due, fixed=entry.fixed or None, lasted=entry.lasted or None, config=config),
        **_given(within=entry.within or None),
        **_values(result=None if hidden else entry.result, error=entry.error),
        **({_REDACTED: True} if hidden else {}),
    }


def _read(ordinal: int, shown: Mapping[str, Any]) -> Entry:
    key = Key(Kind[shown["kind"].upper()], shown["name"], shown["occurrence"])
    return Entry(
        key,
        ordinal,
        State[shown["state"].upper()],
        shown["attempts"],
        shown.get("due"),
        shown.get("fixed", False),
        _stored_at(shown, "result"),
        _stored_at(shown, "error"),
        _stored_at(shown, "config"),
        lasted=shown.get("lasted", 0.0),
        within=shown.get("within", 0),
    )


def _given(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _values(**stored: bytes | None) -> dict[str, Any]:
    return {name: _value(value) for name, value in stored.items() if value is not None}


def _value(stored: bytes) -> Any:
    return json.loads(stored)  # orjson would round integers of more than 64 bits, which typed values may have


def _stored(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _stored_at(shown: Mapping[str, Any], name: str) -> bytes | None:
    return _stored(shown[name]) if name in shown else None
