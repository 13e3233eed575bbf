"""A page of the list of instances, and the cursor that leads to the next one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import get_args

from workflows import failure
from workflows.backend import Instance, Listing
from workflows.errors import WorkflowError
from workflows.failure import Failure
from workflows.types import Status

__all__ = ["ListedInstance", "Page", "listed", "listing", "page"]

_MOST = 1_000


@dataclass(frozen=True, slots=True)
class ListedInstance:
    """One line of a list; `binding.get(id)` gives the handle."""

    id: str
    status: Status
    created_at: datetime
    finished_at: datetime | None
    error: Failure | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some instances in the order of creation; `cursor` leads to the next ones, None: there are none."""

    instances: tuple[ListedInstance, ...]
    cursor: str | None


def listing(
    workflow: str,
    *,
    status: Status | Collection[Status] | None,
    created_from: datetime | None,
    created_before: datetime | None,
    newest_first: bool,
    cursor: str | None,
    limit: int,
) -> Listing:
    """What `Binding.list` was asked for; `WorkflowError` says what is wrong with it."""
    if type(limit) is not int or not 1 <= limit <= _MOST:
        raise WorkflowError(f"limit {limit!r} must be between 1 and {_MOST}")
    return Listing(
        workflow,
        None if status is None else _statuses({status} if isinstance(status, str) else set(status)),
        _instant(created_from, "created_from"),
        _instant(created_before, "created_before"),
        None if cursor is None else _place(cursor, newest_first),
        newest_first,
        limit + 1,
    )


def page(found: list[Instance], limit: int, *, newest_first: bool) -> Page:
    """The first `limit` of what was found; one more says that there are others."""
    shown = found[:limit]
    cursor = f"{'<' if newest_first else '>'}{shown[-1].ref.incarnation}" if len(found) > limit else None
    return Page(tuple(listed(instance) for instance in shown), cursor)


def listed(instance: Instance) -> ListedInstance:
    """An instance as a line of a list."""
    finished = instance.finished_at
    return ListedInstance(
        instance.ref.id,
        instance.status,
        datetime.fromtimestamp(instance.created_at, UTC),
        None if finished is None else datetime.fromtimestamp(finished, UTC),
        None if instance.error is None else failure.stored_failure(instance.error),
    )


def _statuses(asked: Collection[Status]) -> frozenset[Status]:
    known = get_args(Status)
    if not asked or not all(status in known for status in asked):
        raise WorkflowError(f"status {', '.join(asked)!r} is not known: use {', '.join(known)}")
    return frozenset(asked)


def _instant(when: datetime | None, what: str) -> float | None:
    if when is None:
        return None
    if when.utcoffset() is None:
        raise WorkflowError(f"{what} {when!r} has no time zone: give it one, e.g. tzinfo=UTC")
    return when.timestamp()


def _place(cursor: str, newest_first: bool) -> int:
    sign = "<" if newest_first else ">"
    if cursor[:1] != sign or not cursor[1:].isdecimal():
        raise WorkflowError(f"cursor {cursor!r} is not of this list: give the one of its last page")
    return int(cursor[1:])
