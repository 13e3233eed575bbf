"""What a class was given for a type parameter of one of its generic bases."""

from __future__ import annotations

import sys
import typing
from types import SimpleNamespace
from typing import Any, ForwardRef, TypeVar

__all__ = ["argument"]


def argument(cls: type, root: type, number: int) -> Any:
    """The argument number `number` of `root[…]` that `cls` derives from, at any distance; Any without one.

    A quoted argument is looked up in the module of the class that gives it; raises NameError.
    """
    found = _find(cls, root, number)
    return Any if found is None or isinstance(found, TypeVar) else found


def _find(cls: type, root: type, number: int) -> Any:
    for base in vars(cls).get("__orig_bases__", cls.__bases__):
        origin = typing.get_origin(base) or base
        arguments = typing.get_args(base)
        if origin is root:
            return _at(number, arguments, cls)
        if not (isinstance(origin, type) and issubclass(origin, root)):
            continue
        found = _find(origin, root, number)
        parameters = getattr(origin, "__parameters__", ())
        return _at(parameters.index(found), arguments, cls) if found in parameters else found
    return None


def _at(number: int, arguments: tuple[Any, ...], cls: type) -> Any:
    """None: it was left out."""
    if number >= len(arguments):
        return None
    given = arguments[number]
    if not isinstance(given, ForwardRef):
        return given
    quoted = SimpleNamespace(__annotations__={"it": given})
    return typing.get_type_hints(quoted, vars(sys.modules[cls.__module__]))["it"]
