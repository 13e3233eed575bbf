"""What a class was given for a type parameter of one of its generic bases."""

from __future__ import annotations

import typing
from typing import Any, TypeVar

__all__ = ["argument"]


def argument(cls: type, root: type, number: int) -> Any:
    """The argument number `number` of `root[…]` that `cls` derives from, at any distance; Any without one."""
    found = _find(cls, root, number)
    return Any if found is None or isinstance(found, TypeVar) else found


def _find(cls: type, root: type, number: int) -> Any:
    for base in vars(cls).get("__orig_bases__", cls.__bases__):
        origin = typing.get_origin(base) or base
        arguments = typing.get_args(base)
        if origin is root:
            return arguments[number] if number < len(arguments) else None
        if not (isinstance(origin, type) and issubclass(origin, root)):
            continue
        found = _find(origin, root, number)
        parameters = getattr(origin, "__parameters__", ())
        return arguments[parameters.index(found)] if found in parameters and arguments else found
    return None
