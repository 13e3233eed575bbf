"""Many instances created, or deleted, by one call: what is asked for, and what became of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypedDict, TypeVar

from workflows.errors import WorkflowError
from workflows.ids import addressed_id, checked_id
from workflows.instance import WorkflowInstance
from workflows.retention import Retention

__all__ = [
    "BatchError",
    "BatchItem",
    "CreatedBatch",
    "DeletedBatch",
    "exists",
    "new_ids",
    "not_found",
    "old_ids",
]

P = TypeVar("P")

_MOST = 100
_RESERVED = re.compile(r"batch|terminate|terminateAll|cf_[0-9a-f]{64}")
"""Ids that Cloudflare's REST interface needs for itself."""


class BatchItem(TypedDict, Generic[P], total=False):
    """One instance of a batch; what is left out is as in `create`."""

    id: str
    params: P | dict[str, Any]
    retention: Retention


@dataclass(frozen=True, slots=True)
class BatchError:
    """Why one item was left out: its place in the batch, its id, and Cloudflare's code."""

    index: int
    id: str
    code: int
    message: str


@dataclass(frozen=True, slots=True)
class CreatedBatch:
    """What `create_batch` did; every item is in one of the two."""

    created: tuple[WorkflowInstance, ...]
    errors: tuple[BatchError, ...]


@dataclass(frozen=True, slots=True)
class DeletedBatch:
    """What `delete_batch` did: the ids that are gone, and why others are not."""

    deleted: tuple[str, ...]
    errors: tuple[BatchError, ...]


def new_ids(items: Sequence[BatchItem[Any]]) -> tuple[dict[int, str | None], list[BatchError]]:
    """The id of each item by its place, None where one is to be made, and the repeated ones.

    One that no instance may have refuses the whole batch.
    """
    _refuse_size(len(items), "batchCreate")
    ids: dict[int, str | None] = {}
    repeated = []
    for index, item in enumerate(items):
        id = checked_id(item["id"]) if "id" in item else None
        if id is not None and _RESERVED.fullmatch(id):
            raise WorkflowError(f'Workflow instance has invalid id: "{id}" is reserved, choose another one')
        if id is not None and id in ids.values():
            text = f'Workflow instance with id "{id}" is in this batch more than once: the first one counts'
            repeated.append(BatchError(index, id, 10415, text))
        else:
            ids[index] = id
    return ids, repeated


def old_ids(ids: Sequence[str]) -> dict[str, int]:
    """The place of each id; a repeated one counts once, and a malformed one refuses the whole batch."""
    _refuse_size(len(ids), "batchDelete")
    places: dict[str, int] = {}
    for index, id in enumerate(ids):
        places.setdefault(addressed_id(id), index)
    return places


def exists(index: int, id: str) -> BatchError:
    """The id is taken."""
    text = f'(instance.already_exists) Workflow instance with id "{id}" already exists'
    return BatchError(index, id, 10405, text)


def not_found(index: int, id: str) -> BatchError:
    """No instance has the id."""
    return BatchError(index, id, 10400, f'(instance.not_found) No Workflow instance has the id "{id}"')


def _refuse_size(count: int, call: str) -> None:
    if count < 1:
        raise WorkflowError(f"{call} should have at least 1 instance")
    if count > _MOST:
        raise WorkflowError(f"{call} only supports {_MOST} instances at a time")
