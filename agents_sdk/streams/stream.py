"""What users see of a stream, and what is kept of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, TypeAlias

from agents_sdk.errors import InvalidChunk
from agents_sdk.shape import Shape, ShapeError

__all__ = ["Row", "StreamChunk", "StreamState", "StreamStatus", "decoded", "encoded"]

StreamState: TypeAlias = Literal["open", "closed", "error"]

_LIMIT = 1 << 20
_shape: Shape[Any] = Shape(Any, limit=_LIMIT)


@dataclass(frozen=True, slots=True)
class StreamChunk:
    """One value of a stream; offsets count from 1, without gaps."""

    offset: int
    value: Any


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """How a stream is; `last` is the offset of its last chunk, 0 when it has none."""

    name: str
    state: StreamState
    last: int
    tag: str | None
    metadata: Any
    error: str | None
    created: datetime
    ended: datetime | None


class Row(NamedTuple):
    """A stream as it is kept; another one of the same name has another number."""

    number: int
    name: str
    state: StreamState
    last: int
    tag: str | None
    metadata: bytes | None
    error: str | None
    created: float
    ended: float | None

    def status(self) -> StreamStatus:
        """What users see of it."""
        return StreamStatus(
            name=self.name,
            state=self.state,
            last=self.last,
            tag=self.tag,
            metadata=decoded(self.metadata),
            error=self.error,
            created=datetime.fromtimestamp(self.created, UTC),
            ended=None if self.ended is None else datetime.fromtimestamp(self.ended, UTC),
        )


def encoded(what: str, value: Any) -> bytes:
    """As it is kept; raises `InvalidChunk`."""
    try:
        return _shape.encode(value)
    except ShapeError as error:
        raise InvalidChunk(f"this cannot be the {what} of a stream: {error}") from error


def decoded(kept: bytes | None) -> Any:
    """A new value of what `encoded` gave."""
    return None if kept is None else _shape.decode(kept)
