"""A call on its way to the other process: the name of a function, and its arguments as JSON."""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable
from typing import Any, get_type_hints

from pydantic import TypeAdapter

__all__ = ["packed", "unpacked"]


def packed(call: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> bytes:
    """The call of a function of a module, whose annotations say what it takes."""
    given = inspect.signature(call).bind(*args, **kwargs).arguments
    kinds = get_type_hints(call)
    arguments = {
        name: TypeAdapter(kinds[name]).dump_python(value, mode="json") for name, value in given.items()
    }
    # Escaped, as undecodable bytes of a text are surrogates, which no UTF-8 has.
    return json.dumps([call.__module__, call.__qualname__, arguments]).encode("ascii")


def unpacked(request: bytes) -> tuple[Callable[..., object], dict[str, Any]]:
    """The function, and what it is called with."""
    module, name, arguments = json.loads(request)
    call = getattr(importlib.import_module(module), name)
    kinds = get_type_hints(call)
    return call, {
        argument: TypeAdapter(kinds[argument]).validate_python(value) for argument, value in arguments.items()
    }
