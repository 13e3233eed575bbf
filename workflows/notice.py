"""What is written down when an instance ends, for those that are to be told of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import orjson

from workflows.backend import Instance
from workflows.failure import Failure, stored_failure
from workflows.timers.timer import Due, Together
from workflows.types import Status

__all__ = ["ATTEMPTS", "Notice", "Tell", "Told", "notices", "read"]

ATTEMPTS = 20
"""Within about two hours: after 2, 4, 8 … seconds, at most 10 minutes apart."""


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told of one end of an instance."""

    end: str
    """Names this end: an instance that is restarted comes to another one."""
    calls: tuple[tuple[str, str], ...]
    """The realm and the name of each hook."""


class Tell(Protocol):
    """Knows who is to be told of ends."""

    def told(self, workflow: str, status: Status) -> Told | None:
        """Who is told when an instance ends like this; None: nobody."""

    def due(self, dues: Iterable[Due]) -> None:
        """An end is durable, together with these timers."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One end of an instance, kept for as long as somebody has not heard of it."""

    end: str
    id: str
    status: Status
    created_at: float
    finished_at: float
    error: Failure | None
    output: bytes | None


def notices(told: Told, ended: Instance) -> Together:
    """The timers that tell of it, written in the transaction that ends the instance."""
    assert ended.finished_at is not None, "only of an end somebody is told"
    error = None if ended.error is None else stored_failure(ended.error)
    head = orjson.dumps(
        (
            told.end,
            ended.ref.id,
            ended.status,
            ended.created_at,
            ended.finished_at,
            None if error is None else (error.name, error.message),
        )
    )
    payload = head if ended.output is None else head + b"\n" + ended.output  # JSON of ours has no line ends
    return Together(ended.ref.workflow, payload, ended.finished_at, ATTEMPTS, told.calls)


def read(payload: bytes) -> Notice:
    """The way back."""
    head, line, output = payload.partition(b"\n")
    end, id, status, created, finished, error = orjson.loads(head)
    failure = None if error is None else Failure(*error)
    return Notice(end, id, status, created, finished, failure, output if line else None)
