"""One call in the queue of an agent, as users see it and as it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from agents_sdk.checksum import checksum
from agents_sdk.errors import InvalidItem
from agents_sdk.retry import Patience
from agents_sdk.shape import Shape, ShapeError
from workflows import NonRetryableError

__all__ = ["QueueItem", "Row", "encode"]

_PAYLOAD_LIMIT = 1 << 20

_shape: Shape[Any] = Shape(Any, limit=_PAYLOAD_LIMIT)


@dataclass(frozen=True, slots=True)
class QueueItem:
    """A method that is to be called with a payload."""

    id: str
    callback: str
    payload: Any
    created: datetime
    attempt: int
    """For the method that is called: which attempt this is, from 1. Otherwise how many have failed.

    The first call of a life counts before it has ended: it may be what ended the life before.
    """
    last_error: str | None = None
    """What its last call raised, when that failed."""
    dead: bool = False
    """All attempts have failed: it is kept, and not called any more."""


class Row(NamedTuple):
    """An item as it is kept; `version` changes when another item takes its place."""

    place: int
    version: int
    id: str
    method: str
    payload: bytes
    created: float
    attempt: int
    attempts: int
    base_delay: float
    max_delay: float
    due: float
    error: str | None
    dead: int
    agent: int
    crc: int | None

    @property
    def damage(self) -> str | None:
        """Why it cannot be called: the disk has changed what was queued."""
        how = (self.attempts, self.base_delay, self.max_delay)
        asked = (self.agent, self.id, self.method, self.created, *how)
        if self.crc is None or self.crc == crc_of(self.payload, *asked):
            return None
        return (
            f'the record of item "{self.id}" is damaged: restore the file from a backup, '
            "or dequeue it and queue it anew"
        )

    @property
    def patience(self) -> Patience:
        """How often it is tried, and how long apart."""
        return Patience(self.attempts, self.base_delay, self.max_delay)

    def item(self, *, calling: bool = False) -> QueueItem:
        """What users see of it: of a damaged one no payload, and `NonRetryableError` when it is called."""
        damage = self.damage
        if damage is not None and calling:
            raise NonRetryableError(damage)
        return QueueItem(
            id=self.id,
            callback=self.method,
            payload=None if damage is not None else _shape.decode(self.payload),
            created=datetime.fromtimestamp(self.created, UTC),
            attempt=self.attempt + calling,
            last_error=self.error if damage is None else damage,
            dead=bool(self.dead),
        )


def crc_of(
    payload: bytes, agent: int, id: str, method: str, created: float, attempts: int, base: float, most: float
) -> int:
    """The checksum of an item: of what was asked for, and of whose it is."""
    return checksum(payload, agent, id, method, float(created), attempts, float(base), float(most))


def encode(method: str, payload: Any) -> bytes:
    """A payload as it is kept; raises `InvalidItem`."""
    try:
        return _shape.encode(payload)
    except ShapeError as error:
        raise InvalidItem(f'the payload for "{method}" cannot be kept: {error}') from error
