"""Errors of the recorded programs in Python: which class stands for which, written down once.

Error                  the class `Error` below; thrown by the engine itself, our `WorkflowError`
TypeError …            the Python builtin of the same name
NonRetryableError      ours
Custom                 a class made with the recorded name
string, object, …      values that only JavaScript can throw: an `Error` with their text
AggregateError         the class `AggregateError` below
"""

from __future__ import annotations

import functools

from tests.conformance.scenario import Json
from workflows import NonRetryableError, StepError

__all__ = ["AggregateError", "Error", "described", "error_of", "name_and_message", "same_name"]


class Error(Exception):
    """JavaScript's plain error."""


class AggregateError(Exception):
    """What `Promise.any` rejects with when every branch failed."""


@functools.cache
def _custom(name: str) -> type[Exception]:
    return type(name, (Exception,), {})


def error_of(recorded: dict[str, Json], default: str = "") -> Exception:
    """The exception for an `error` of a program."""
    message = recorded.get("message", default)
    match recorded.get("type", "Error"):
        case "Error":
            name = recorded.get("name")
            return Error(message) if name in (None, "Error") else _custom(name)(message)
        case "TypeError":
            return TypeError(message)
        case "RangeError":
            return _custom("RangeError")(message)
        case "NonRetryableError":
            return NonRetryableError(message, recorded.get("name"))
        case "Custom":
            return _custom(recorded.get("name", "CustomError"))(message)
        case "string" | "object" | "null" | "undefined" | "number":
            return Error(message)
        case other:
            raise NotImplementedError(f"error type {other!r}")


def name_and_message(error: BaseException) -> tuple[str, str]:
    """What the recorded programs would call `error.name` and `error.message`."""
    match error:
        case StepError():
            return error.type_name, error.message
        case NonRetryableError(name=str(name)):
            return name, str(error)
    return type(error).__name__, str(error)


def described(error: BaseException) -> dict[str, Json]:
    """What the programs store of a caught error."""
    name, message = name_and_message(error)
    return {"is_error": True, "name": name, "message": message}


def same_name(recorded: Json, ours: Json) -> bool:
    """Whether the name of our error stands for the recorded one."""
    return bool(recorded == ours or (recorded == "Error" and ours == "WorkflowError"))
