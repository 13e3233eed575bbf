"""How a step's function is called: on the loop or in a thread, with its context or not; what it returns."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FunctionType, MethodType
from typing import Any, NamedTuple

from workflows.typed import UNTYPED, TypedCodec, annotated
from workflows.types import StepContext

__all__ = ["ON_LOOP", "CallStyle", "is_context", "style_of"]

_KEPT = 4096


@dataclass(frozen=True, slots=True)
class CallStyle:
    """What is known of a function before it is called."""

    threaded: bool
    """A plain `def`: it runs in a thread. An `async def` and a lambda run on the loop."""
    takes_context: bool
    codec: TypedCodec[Any]


ON_LOOP = CallStyle(threaded=False, takes_context=False, codec=UNTYPED)
"""For functions that are not a step's own."""


class _Known(NamedTuple):
    """A function's style, and what it depends on."""

    code: CodeType
    wrapped: CodeType
    given: int
    annotation: Any
    style: CallStyle


_known: dict[int, _Known] = {}
"""By the identity of the code, whose hash would be computed anew each time."""


def style_of(function: Callable[..., object], given: int) -> CallStyle:
    """The style of `function` called with `given` positional arguments.

    Kept per code object, not per function, because closures are made anew for every call; what a decorator
    wraps counts too, because all that it wraps shares the wrapper's code.
    """
    plain = function
    if type(plain) is MethodType:
        plain, given = plain.__func__, given + 1
    if type(plain) is not FunctionType:
        return _inspected(function, given)
    code = wrapped = plain.__code__
    if plain.__dict__:
        wrapped = getattr(inspect.unwrap(plain), "__code__", code)
    annotation = plain.__annotations__.get("return")
    known = _known.get(id(code))
    if (
        known is None
        or known.code is not code
        or known.wrapped is not wrapped
        or known.given != given
        or known.annotation is not annotation
    ):
        if len(_known) >= _KEPT:
            _known.clear()
        known = _known[id(code)] = _Known(code, wrapped, given, annotation, _style(plain, plain, given))
    return known.style


def _inspected(function: Callable[..., object], given: int) -> CallStyle:
    """For partials, wrapped functions and objects with `__call__`."""
    plain = function
    while isinstance(plain, functools.partial):
        plain = plain.func
    if not inspect.isroutine(plain):
        plain = type(plain).__call__
    return _style(function, plain, given)


def _style(function: Callable[..., object], plain: Callable[..., object], given: int) -> CallStyle:
    is_lambda = getattr(plain, "__name__", "") == "<lambda>"
    codec = UNTYPED
    if not is_lambda and (kind := getattr(plain, "__annotations__", {}).get("return")) is not None:
        codec = annotated(inspect.unwrap(plain), kind)
    threaded = not (is_lambda or inspect.iscoroutinefunction(plain) or inspect.isasyncgenfunction(plain))
    return CallStyle(threaded, _takes_context(function, given), codec)


def _takes_context(function: Callable[..., object], given: int) -> bool:
    """The first parameter that the arguments leave open is the context, by its name or its annotation."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (ValueError, TypeError):
        return False  # a builtin without a signature
    if len(parameters) <= given or parameters[given].kind not in _POSITIONAL:
        return False
    return is_context(parameters[given])


def is_context(parameter: inspect.Parameter) -> bool:
    """It is named or annotated as the step context."""
    name, annotation = parameter.name, parameter.annotation
    if isinstance(annotation, str):
        return name == "ctx" or annotation.rpartition(".")[2] == "StepContext"
    return name == "ctx" or annotation is StepContext


_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
