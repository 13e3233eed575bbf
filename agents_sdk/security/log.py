"""Logs that give nothing away, and that nobody can write lines into."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from starlette.requests import HTTPConnection

from agents_sdk.connection import Connection
from agents_sdk.current import current_agent
from agents_sdk.principal import Principal
from agents_sdk.security.access import principal_of
from agents_sdk.security.secret import Secret, redacted

__all__ = ["JsonLines", "audit", "audited", "without_queries"]

_SERVERS = ("uvicorn.access", "uvicorn.error")
_PROGRAM, _UNNAMED = "the program", "somebody unnamed"
_audit = logging.getLogger("agents_sdk.audit")


class JsonLines(logging.Formatter):
    """Each record as one line of JSON, without secrets; control characters are escaped.

    `logging.StreamHandler().setFormatter(JsonLines(secrets=[…]))`. What is known by name, such as a
    `password=…`, is masked as well.
    """

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        super().__init__()
        self._secrets = tuple(secrets)

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": redacted(record.getMessage(), self._secrets),
        }
        told = getattr(record, "audit", None)
        if isinstance(told, dict):
            line |= {str(key): redacted(str(value), self._secrets) for key, value in told.items()}
        if record.exc_info:
            line["trace"] = redacted(self.formatException(record.exc_info), self._secrets)
        return json.dumps(line)


def audit(asking: HTTPConnection | Connection | None, action: str, subject: object) -> None:
    """Logs who did what to which thing, to the logger `agents_sdk.audit`; None for who is no client.

    For what changes or ends something that others rely on: cancel, retry, send, delete, edit.
    """
    principal = None if asking is None else principal_of(asking)
    _tell(principal, _PROGRAM if asking is None else _UNNAMED, action, subject)


def _tell(principal: Principal | None, unnamed: str, action: str, subject: object) -> None:
    if not _audit.isEnabledFor(logging.INFO):
        return
    who = unnamed if principal is None else principal.id
    told = {"who": who, "action": action, "subject": str(subject)}
    _audit.info("%s: %s %s", *(json.dumps(one) for one in told.values()), extra={"audit": told})


def audited(action: str, subject: object) -> None:
    """`audit`, for whomever the running code works: who sent the request, the message or the call."""
    current = current_agent()
    asking = current.request or current.connection
    _tell(current.principal, _PROGRAM if asking is None else _UNNAMED, action, subject)


@contextmanager
def without_queries() -> Iterator[None]:
    """While inside, the logs of the server show no query of a URL: it may hold a ticket or a name."""
    loggers = [logging.getLogger(name) for name in _SERVERS]
    cut = _Cut()
    for logger in loggers:
        logger.addFilter(cut)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(cut)


class _Cut(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_path(value) for value in record.args)
        return True


def _path(value: object) -> object:
    """Servers hand paths over as arguments of their own."""
    if isinstance(value, str) and value.startswith("/") and "?" in value:
        return value.partition("?")[0] + "?…"
    return value
