"""Which of its workflows an agent wants, and on which page."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from agents_sdk.errors import InvalidCriteria, InvalidMetadata
from agents_sdk.shape import Shape, ShapeError, has
from agents_sdk.workflow.tracking import Row
from workflows import Status

__all__ = ["Criteria", "Order", "dump_metadata", "load_metadata", "paged"]

Order = Literal["asc", "desc"]

_MOST = 100
_LARGEST = 1 << 20
_shape: Shape[dict[str, Any]] = Shape(dict[str, Any], limit=_LARGEST)


@dataclass(frozen=True, slots=True)
class Criteria:
    """All conditions hold, and a None is no condition."""

    statuses: frozenset[Status] | None
    metadata: Mapping[str, Any]
    """Values that keys of the metadata have, exactly."""
    created_before: float | None

    @classmethod
    def of(
        cls,
        status: Status | Collection[Status] | None,
        metadata: Mapping[str, Any] | None,
        created_before: datetime | None = None,
    ) -> Criteria:
        """What was asked for; `InvalidCriteria` says what is wrong with it."""
        asked = None if status is None else frozenset({status} if isinstance(status, str) else status)
        if asked is not None and (unknown := asked - frozenset(get_args(Status))):
            known = ", ".join(get_args(Status))
            raise InvalidCriteria(f"status {', '.join(map(str, unknown))!r} is not known: use {known}")
        if created_before is not None and created_before.utcoffset() is None:
            raise InvalidCriteria(
                f"created_before {created_before!r} has no time zone: give it one, e.g. tzinfo=UTC"
            )
        return cls(asked, metadata or {}, None if created_before is None else created_before.timestamp())

    def fits(self, row: Row) -> bool:
        """What the row says fits; not looked at are the statuses, which only the engine knows."""
        if self.created_before is not None and row.created >= self.created_before:
            return False
        if not self.metadata:
            return True
        metadata = load_metadata(row.believed)
        return all(has(metadata, key, value) for key, value in self.metadata.items())


def paged(
    rows: Sequence[Row], *, limit: int, order: Order, cursor: str | None
) -> tuple[Sequence[Row], str | None]:
    """One page of `rows`, which stand in the order in which they were started, and the cursor to the next."""
    if type(limit) is not int or limit < 1:
        raise InvalidCriteria(f"limit {limit!r} must be a whole number between 1 and {_MOST}")
    if order not in get_args(Order):
        raise InvalidCriteria(f'order {order!r} is not known: use "asc" or "desc"')
    limit = min(limit, _MOST)
    after = None if cursor is None else _place(cursor)
    if order == "desc":
        rows = [row for row in reversed(rows) if after is None or row.id < after]
    else:
        rows = [row for row in rows if after is None or row.id > after]
    more = len(rows) > limit
    return rows[:limit], _cursor(rows[limit - 1]) if more else None


def dump_metadata(metadata: Mapping[str, Any] | None) -> str | None:
    """As it is kept; `InvalidMetadata` when JSON cannot hold it."""
    if metadata is None:
        return None
    try:
        return _shape.encode(dict(metadata)).decode()
    except (ShapeError, TypeError, ValueError) as error:
        raise InvalidMetadata(f"the metadata of a workflow cannot be kept: {error}") from error


def load_metadata(stored: str | None) -> dict[str, Any] | None:
    """A new copy."""
    return None if stored is None else _shape.decode(stored.encode())


def _cursor(row: Row) -> str:
    return base64.b64encode(json.dumps({"c": row.created, "i": row.id}).encode()).decode()


def _place(cursor: str) -> int:
    try:
        place = json.loads(base64.b64decode(cursor, validate=True))["i"]
        if type(place) is int:
            return place
    except (binascii.Error, ValueError, LookupError, TypeError):
        pass
    raise InvalidCriteria("Invalid pagination cursor. The cursor may be malformed or corrupted.")
