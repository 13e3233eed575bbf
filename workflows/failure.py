"""Errors ↔ bytes: what failed, and the class to raise again where it can be rebuilt exactly.

No import path is ever read from the file: a stored class name is looked up among the builtins, the errors of
this package, and the classes that the workflow lists in `errors = [...]`.
"""

from __future__ import annotations

import asyncio
import builtins
import dataclasses
import traceback
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import orjson

from workflows import codec, errors
from workflows.errors import NonRetryableError, NotStorable, StepError

__all__ = ["UNWINDS", "Failure", "Rebuildable", "dump", "failure_of", "load", "rebuildable", "stored_failure"]

Rebuildable = Mapping[str, type[Exception]]
"""The classes that a stored error may come back as, by the name under which they are stored."""

UNWINDS = (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit)
"""What leaves a coroutine that is ended from outside. All else is an error of the code that raised it, also
what is no `Exception`: `sys.exit()`, `pytest.fail()`."""

_KNOWN: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in vars(builtins).values()
    if isinstance(kind, type) and issubclass(kind, Exception)
} | {name: getattr(errors, name) for name in errors.__all__}
_TRACEBACK_LIMIT = 8_000
_LONGEST = 1 << 16
"""Characters of a message. Unlike a value an error cannot be refused, so it is cut."""
_LARGEST = 1 << 20
"""Bytes of what rebuilds an error; a larger one comes back as a `StepError`."""


@dataclasses.dataclass(frozen=True, slots=True)
class Failure:
    """What ended a step or an instance: the name of the error's type, and its message."""

    name: str
    message: str


def rebuildable(listed: Iterable[type[Exception]]) -> Rebuildable:
    """Builtins, the errors of this package, and what the workflow lists."""
    return MappingProxyType(_KNOWN | {f"listed:{kind.__qualname__}": kind for kind in listed})


def failure_of(error: BaseException) -> Failure:
    """How `status()` and subscribers see an error: always the original type and message."""
    match error:
        case StepError():
            return Failure(_text(error.type_name), _text(error.message))
        case NonRetryableError(name=str(name)):
            return Failure(_text(name), _text(error))
        case NotStorable():
            return Failure("WorkflowFatalError", _text(error))
    return Failure(_text(type(error).__name__), _text(error))


def dump(error: BaseException, classes: Rebuildable) -> bytes:
    """`error` as bytes; with its class when `load` will rebuild an equal one, else as a `StepError`."""
    seen = failure_of(error)
    stored: dict[str, Any] = {
        "name": seen.name,
        "message": seen.message,
        "traceback": _traceback(error),
    }
    if isinstance(error, StepError):
        stored["traceback"] = _text(error.traceback)
    elif (key := _key(type(error), classes)) is not None:
        stored |= _parts(error, key, classes)
    return orjson.dumps(stored)


def load(stored: bytes, classes: Rebuildable) -> Exception:
    """The error to raise, alike on the first run and on every replay."""
    parts = orjson.loads(stored)
    kind = classes.get(parts.get("class", ""))
    if kind is None:
        return StepError(parts["name"], parts["message"], parts["traceback"])
    return _rebuild(kind, *codec.decode(parts["parts"].encode()))


def stored_failure(stored: bytes) -> Failure:
    """What `failure_of` said of a stored error."""
    parts = orjson.loads(stored)
    return Failure(parts["name"], parts["message"])


def _text(said: object) -> str:
    """What an error says, as text that can be stored."""
    text = _cut(_said(said)).encode("utf-8", "backslashreplace").decode()
    return _cut(text)  # a file name may have lone surrogates, which are longer now


def _said(said: object) -> str:
    """A bad `__str__` must not hide the error."""
    try:
        return str(said)
    except Exception as broken:  # noqa: BLE001  # it is the user's method
        return f"<its __str__ raised {type(broken).__name__}>"


def _cut(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    more = f"… ({len(text):,} characters)"
    return text[: _LONGEST - len(more)] + more  # not longer, so that it is cut only once


def _traceback(error: BaseException) -> str:
    if len(_said(error)) <= _LONGEST:
        lines = traceback.format_exception(error)
    else:
        lines = traceback.format_tb(error.__traceback__)  # the other one copies the message time and again
    return _text("".join(lines)[-_TRACEBACK_LIMIT:])


def _key(kind: type[BaseException], classes: Rebuildable) -> str | None:
    for key in (f"listed:{kind.__qualname__}", kind.__name__):
        if classes.get(key) is kind:
            return key
    return None


def _parts(error: BaseException, key: str, classes: Rebuildable) -> dict[str, Any]:
    """What rebuilds `error`; nothing when the rebuilt one would differ."""
    attributes = vars(error)
    try:
        if len(str(error)) > _LARGEST:
            return {}
        parts = codec.encode((error.args, attributes))
        again = _rebuild(classes[key], *codec.decode(parts))
        equal = (
            len(parts) <= _LARGEST
            and type(again) is type(error)
            and again.args == error.args
            and str(again) == str(error)
            and vars(again) == attributes
        )
    except Exception:  # noqa: BLE001  # whatever a class does in its methods, the error itself must not be lost
        return {}
    return {"class": key, "parts": parts.decode()} if equal else {}


def _rebuild(kind: type[Exception], args: tuple[Any, ...], attributes: dict[str, Any]) -> Exception:
    error = kind(*args)
    vars(error).update(attributes)
    return error
