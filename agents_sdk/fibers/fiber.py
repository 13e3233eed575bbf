"""A fiber as users see it, as its function sees it, and as it is kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from agents_sdk.checksum import checksum, is_whole, joined
from agents_sdk.errors import InvalidFiber
from agents_sdk.shape import Shape, ShapeError

__all__ = ["Fiber", "FiberContext", "FiberStatus", "Resolution", "Row", "crc_of", "decoded", "encoded"]

FiberStatus: TypeAlias = Literal["pending", "running", "completed", "aborted", "interrupted", "error"]
Resolution: TypeAlias = Literal["completed", "aborted", "error"]
"""What becomes of an interrupted fiber, when somebody knows."""

_LIMIT = 1 << 20
_shape: Shape[Any] = Shape(Any, limit=_LIMIT)


@dataclass(frozen=True, slots=True)
class Fiber:
    """What is known of a fiber."""

    id: str
    name: str
    status: FiberStatus
    snapshot: Any
    """What it stashed last; None when it has stashed nothing."""
    metadata: Any
    key: str | None
    error: str | None
    """What it raised; of an interrupted one, what `on_fiber_recovered` raised last; that it is damaged."""
    created: datetime
    started: datetime | None
    """When its function was called."""
    ended: datetime | None
    retained: bool
    """It was begun by `start_fiber`, and is kept until it is deleted."""
    accepted: bool = True
    """False: it existed already when it was to be started, and was not started again."""


class FiberContext:
    """What the function of a fiber is given."""

    def __init__(self, id: str, name: str, save: Callable[[bytes], Awaitable[object]]) -> None:
        self.id = id
        self.name = name
        self._save = save
        self._stashed: bytes | None = None
        self._cancelled = False

    @property
    def snapshot(self) -> Any:
        """A copy of what was stashed last; None when nothing was."""
        return decoded(self._stashed)

    @property
    def cancelled(self) -> bool:
        """Somebody has cancelled it: for code that goes on over a CancelledError, or runs in a thread."""
        return self._cancelled

    async def stash(self, snapshot: Any) -> None:
        """Replaces the snapshot, all of it; durable when this returns. It is JSON of at most 1 MiB."""
        stashed = encoded("snapshot", snapshot)
        await self._save(stashed)
        self._stashed = stashed

    def cancel(self) -> None:
        """Says that it is cancelled."""
        self._cancelled = True


class Row(NamedTuple):
    """A fiber as it is kept; `owed`: its function runs, or its recovery has not succeeded yet."""

    number: int
    id: str
    name: str
    key: str | None
    retained: int
    status: FiberStatus
    metadata: bytes | None
    snapshot: bytes | None
    error: str | None
    created: float
    started: float | None
    ended: float | None
    interrupted: float | None
    attempt: int
    owed: int
    agent: int
    crc: int | None
    held: int | None

    @property
    def damage(self) -> str | None:
        """Why nobody is told what it has: the disk has changed it."""
        begun = crc_of(self.metadata, self.agent, self.id, self.name, self.key, self.retained, self.created)
        if (
            self.crc in (None, begun)
            and is_whole(self.held, self.snapshot or b"", self.number)
            and self.status in get_args(FiberStatus)
        ):
            return None
        return (
            f'the record of fiber "{self.id}" is damaged: restore the file from a backup, '
            "or delete it and start it anew"
        )

    def fiber(self, *, accepted: bool = True) -> Fiber:
        """What users see of it; one that is damaged has failed, and has neither snapshot nor metadata."""
        damage = self.damage
        return Fiber(
            id=self.id,
            name=self.name,
            status=self.status if damage is None else "error",
            snapshot=decoded(self.snapshot) if damage is None else None,
            metadata=decoded(self.metadata) if damage is None else None,
            key=self.key,
            error=self.error if damage is None else damage,
            created=datetime.fromtimestamp(self.created, UTC),
            started=_moment(self.started),
            ended=_moment(self.ended),
            retained=bool(self.retained),
            accepted=accepted,
        )


def crc_of(
    metadata: bytes | None, agent: int, id: str, name: str, key: str | None, retained: int, created: float
) -> int:
    """The checksum of what a fiber was begun with, and of whose it is."""
    return checksum(joined(metadata), agent, id, name, key, retained, float(created))


def encoded(what: str, value: Any) -> bytes:
    """As it is kept; raises `InvalidFiber`."""
    try:
        return _shape.encode(value)
    except ShapeError as error:
        raise InvalidFiber(f"this cannot be the {what} of a fiber: {error}") from error


def decoded(kept: bytes | None) -> Any:
    """A new value of what `encoded` gave."""
    return None if kept is None else _shape.decode(kept)


def _moment(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)
