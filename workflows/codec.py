"""Plain values ↔ bytes, exactly, or a refusal.

JSON, with `{"$": tag, "v": …}` for what JSON cannot say. Nothing is ever degraded: what is decoded equals
what was encoded and has the same types, or encoding raises `NotStorable`.
"""

from __future__ import annotations

import base64
import dataclasses
import math
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from pydantic import BaseModel

from workflows.errors import NotStorable

__all__ = ["PLAIN", "PLAIN_ADVICE", "decode", "encode", "surely_above"]

PLAIN_ADVICE = (
    "store str, int, float, bool, None, bytes, date and time types, UUID, Decimal, or list, tuple, set and "
    "dict (with str keys) of these"
)
_TAG = "$"
_TAGGED = b'{"$":'
_INT64 = 1 << 63
_CONTAINERS = frozenset({list, dict, tuple, set, frozenset})
_DEPTH = 200
_OPTIONS = (
    orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
)


def encode(value: Any) -> bytes:
    """Exactly `value` as bytes; `NotStorable` says where in it something cannot be stored."""
    plain = _plain(value, "value", 0)
    try:
        return b"%b" % orjson.dumps(plain, option=_OPTIONS)  # copied: what orjson gives holds 4 kB
    except orjson.JSONEncodeError:  # a lone surrogate in some text
        return _encode_surrogates(plain)


def decode(stored: bytes) -> Any:
    """The value that `encode` was given, newly made."""
    value = orjson.loads(stored)
    return _restore(value) if _TAGGED in stored else value


def surely_above(value: Any, limit: int) -> bool:
    """It is stored in more than `limit` bytes, as far as that is seen without encoding it.

    An item takes two bytes at least, so no more items are looked at than there may be.
    """
    if type(value) is str:
        return len(value) > limit
    if type(value) not in _CONTAINERS:
        return False
    items, looking = 0, [(value, 0)]
    while looking:
        one, depth = looking.pop()
        items += len(one)
        if items * 2 > limit:
            return True
        if depth > _DEPTH:
            return False  # `encode` says so
        looking += [
            (item, depth + 1)
            for item in (one.values() if type(one) is dict else one)
            if type(item) in _CONTAINERS
        ]
    return False


def _plain(value: Any, path: str, depth: int) -> Any:
    """`value` in types that JSON keeps apart."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return value
    if kind is int:
        return value if -_INT64 <= value < _INT64 else _tagged("int", hex(value))
    if kind is float:
        return value if math.isfinite(value) else _tagged("float", repr(value))
    if depth > _DEPTH:
        raise NotStorable(f"{path[:60]}… is nested deeper than {_DEPTH} levels, or contains itself")
    if kind is dict:
        return _plain_dict(value, path, depth)
    if kind is list:
        return [_plain(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(value)]
    dump = _DUMP.get(kind)
    if dump is None:
        raise NotStorable(f"{path} is a {_name(kind)}; {_advice(value)}")
    return _tagged(_TAGS[kind], dump(value, path, depth + 1))


def _plain_dict(value: dict[Any, Any], path: str, depth: int) -> Any:
    for key in value:
        if type(key) is not str:
            raise NotStorable(f"{path} has the key {key!r} of type {_name(type(key))}; use str keys")
    plain = {key: _plain(item, f"{path}[{key!r}]", depth + 1) for key, item in value.items()}
    return _tagged("dict", list(plain.items())) if _TAG in plain else plain


def _tagged(tag: str, content: Any) -> dict[str, Any]:
    return {_TAG: tag, "v": content}


def _name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _advice(value: Any) -> str:
    if isinstance(value, BaseModel) or dataclasses.is_dataclass(value):
        return (
            f"annotate what the step's function returns (`-> {type(value).__name__}`) "
            f"or give `result={type(value).__name__}`"
        )
    return PLAIN_ADVICE


def _items(value: Any, path: str, depth: int) -> list[Any]:
    return [_plain(item, f"{path}[{i}]", depth) for i, item in enumerate(value)]


def _sorted_items(value: Any, path: str, depth: int) -> list[Any]:
    return sorted(_items(value, path, depth), key=repr)


def _zone(zone: tzinfo | None, path: str) -> Any:
    match zone:
        case None:
            return None
        case ZoneInfo(key=str(key)):
            return key
        case timezone():
            offset = zone.utcoffset(None)
            name = zone.tzname(None)
            return [offset.total_seconds(), None if name == timezone(offset).tzname(None) else name]
        case _:
            raise NotStorable(
                f"{path} has the time zone {zone!r}; use zoneinfo.ZoneInfo or datetime.timezone"
            )


def _restore_zone(stored: Any) -> tzinfo | None:
    match stored:
        case None:
            return None
        case str():
            return ZoneInfo(stored)
        case [offset, None]:
            return timezone(timedelta(seconds=offset))
        case [offset, name]:
            return timezone(timedelta(seconds=offset), name)
    raise ValueError(f"not a stored time zone: {stored!r}")


def _dump_clock(value: Any, path: str, _depth: int) -> list[Any]:
    return [value.replace(tzinfo=None).isoformat(), value.fold, _zone(value.tzinfo, path)]


def _load_datetime(stored: list[Any]) -> datetime:
    return datetime.fromisoformat(stored[0]).replace(fold=stored[1], tzinfo=_restore_zone(stored[2]))


def _load_time(stored: list[Any]) -> time:
    return time.fromisoformat(stored[0]).replace(fold=stored[1], tzinfo=_restore_zone(stored[2]))


_TAGS: dict[type, str] = {
    bytes: "bytes",
    tuple: "tuple",
    set: "set",
    frozenset: "frozenset",
    datetime: "datetime",
    date: "date",
    time: "time",
    timedelta: "timedelta",
    UUID: "uuid",
    Decimal: "decimal",
}
PLAIN = frozenset({str, int, float, bool, type(None), dict, list, *_TAGS})
"""The types that a plain value has at its top."""

_DUMP: dict[type, Callable[[Any, str, int], Any]] = {
    bytes: lambda value, _path, _depth: base64.b64encode(value).decode(),
    tuple: _items,
    set: _sorted_items,
    frozenset: _sorted_items,
    datetime: _dump_clock,
    date: lambda value, _path, _depth: value.isoformat(),
    time: _dump_clock,
    timedelta: lambda value, _path, _depth: [value.days, value.seconds, value.microseconds],
    UUID: lambda value, _path, _depth: value.hex,
    Decimal: lambda value, _path, _depth: str(value),
}
_LOAD: dict[str, Callable[[Any], Any]] = {
    "int": lambda stored: int(stored, 16),
    "float": float,
    "dict": dict,
    "text": lambda stored: bytes.fromhex(stored).decode("utf-8", "surrogatepass"),
    "bytes": base64.b64decode,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "datetime": _load_datetime,
    "date": date.fromisoformat,
    "time": _load_time,
    "timedelta": lambda stored: timedelta(*stored),
    "uuid": UUID,
    "decimal": Decimal,
}


def _restore(value: Any) -> Any:
    if type(value) is list:
        return [_restore(item) for item in value]
    if type(value) is not dict:
        return value
    if _TAG in value:
        return _LOAD[value[_TAG]](_restore(value["v"]))
    return {key: _restore(item) for key, item in value.items()}


def _encode_surrogates(plain: Any) -> bytes:
    try:
        return orjson.dumps(_spell_surrogates(plain), option=_OPTIONS)
    except orjson.JSONEncodeError:  # a tuple, a set or a "$" key takes more than one level of JSON
        raise NotStorable("value is nested too deeply: split it, or store it as text") from None


def _spell_surrogates(plain: Any) -> Any:
    """What JSON cannot write as UTF-8, as tagged hex."""
    match plain:
        case str() if not _is_utf8(plain):
            return _tagged("text", plain.encode("utf-8", "surrogatepass").hex())
        case list():
            return [_spell_surrogates(item) for item in plain]
        case tuple():
            return [_spell_surrogates(item) for item in plain]
        case dict() if all(map(_is_utf8, plain)):
            return {key: _spell_surrogates(item) for key, item in plain.items()}
        case dict():
            pairs = [[_spell_surrogates(key), _spell_surrogates(item)] for key, item in plain.items()]
            return _tagged("dict", pairs)
    return plain


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
