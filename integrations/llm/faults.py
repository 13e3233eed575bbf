"""Errors of the `openai` SDK, 2.x and 3.x, as faults. Imports openai: loaded with the wire only."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import openai
from pydantic import ValidationError

from integrations.llm.answer import Cause, Fault

__all__ = ["EXPECTED", "fault_of", "fault_of_body"]

_LONGEST = 500


def _transport(*names: str) -> tuple[type[Exception], ...]:
    """Errors of the HTTP library below the SDK: httpx for 2.x, httpx2 for 3.x."""
    loaded = [sys.modules[name] for name in ("httpx", "httpx2") if name in sys.modules]
    return tuple(getattr(module, name) for module in loaded for name in names)


_BROKEN_OFF = _transport("ReadError", "WriteError", "CloseError", "RemoteProtocolError", "DecodingError")
_TOO_SLOW = (openai.APITimeoutError, TimeoutError, *_transport("ReadTimeout", "WriteTimeout", "PoolTimeout"))
_NO_CONNECTION = _transport("ConnectTimeout")
_GARBLED = (json.JSONDecodeError, UnicodeDecodeError, ValidationError)

EXPECTED: tuple[type[Exception], ...] = (
    openai.APIError,
    TimeoutError,
    *_GARBLED,
    # 2.x lets these through while a stream is read
    *_transport("RequestError"),
)
"""Everything that a server, or the way to it, can cause."""


def fault_of(error: Exception) -> Fault:
    """What went wrong, for one of the `EXPECTED` errors."""
    cause = (error.__cause__ if isinstance(error, openai.APIError) else None) or error
    if isinstance(error, openai.APIStatusError):
        return _of_status(error)
    if isinstance(cause, _NO_CONNECTION):
        return Fault(cause=Cause.UNREACHABLE, message="no connection within the time limit")
    if isinstance(error, _TOO_SLOW):
        return Fault(cause=Cause.TIMEOUT, message="no answer within the time limit")
    if isinstance(error, _GARBLED):
        return Fault(cause=Cause.GARBLED, message="the answer is not what a model sends, or not complete")
    if isinstance(error, openai.APIError) and not isinstance(error, openai.APIConnectionError):
        return fault_of_body(error.body, {}, otherwise=error.message)
    broken = isinstance(cause, _BROKEN_OFF)
    return Fault(cause=Cause.CUT if broken else Cause.UNREACHABLE, message=_one_line(str(cause)))


def fault_of_body(body: object, headers: Mapping[str, str], *, otherwise: str = "") -> Fault:
    """An error that came with status 200, or in the middle of a stream."""
    code = body.get("code") if isinstance(body, Mapping) else None
    return _fault(body, otherwise, code if isinstance(code, int) and code >= 400 else None, headers)


def _of_status(error: openai.APIStatusError) -> Fault:
    headers = {name.lower(): value for name, value in error.response.headers.items()}
    return _fault(error.body, str(error), error.status_code, headers)


def _fault(body: object, otherwise: str, status: int | None, headers: Mapping[str, str]) -> Fault:
    fields: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
    said = fields.get("message") or fields.get("detail") or (body if isinstance(body, str) else otherwise)
    return Fault(
        cause=Cause.ERROR,
        message=_one_line(said if isinstance(said, str) else json.dumps(said, default=str)),
        status=status,
        code=_text(fields.get("code")),
        type=_text(fields.get("type")),
        param=_text(fields.get("param")),
        headers=headers,
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]


def _text(value: object) -> str:
    return "" if value is None else str(value)
