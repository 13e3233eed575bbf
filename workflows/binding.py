"""What users hold of a workflow: it creates its instances, finds them, and deletes them."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from workflows.backend import Backend, Kept, NewInstance
from workflows.batch import BatchItem, CreatedBatch, DeletedBatch, exists, new_ids, not_found, old_ids
from workflows.errors import InstanceExists, InstanceNotFound
from workflows.ids import checked_id
from workflows.instance import Shape, WorkflowInstance
from workflows.page import Page, listing, page
from workflows.retention import Retention
from workflows.sqlite.operation import Operation
from workflows.types import Status

__all__ = ["NO_PARAMS", "Binding", "BoundDefinition", "Toll"]

P = TypeVar("P")

NO_PARAMS: dict[str, Any] = {}

Also: TypeAlias = Operation[object] | None

Toll: TypeAlias = Callable[[str], Awaitable[Callable[[str], Operation[object]] | None]]
"""Asked with the name of a workflow before instances of it are made: what is written with each new id."""


class BoundDefinition(Shape, Protocol):
    """What a binding needs to know of its workflow."""

    @property
    def workflow(self) -> type[Any]: ...
    def dump_params(self, params: object) -> bytes: ...
    def kept(self, asked: Retention | None) -> Kept: ...


class Binding(Generic[P]):
    """Creates and finds the instances of one workflow."""

    def __init__(self, backend: Backend, definition: BoundDefinition, toll: Toll | None = None) -> None:
        self._backend = backend
        self._definition = definition
        self._toll = toll

    @property
    def name(self) -> str:
        """The name of the workflow."""
        return self._definition.name

    @property
    def workflow(self) -> type[Any]:
        """The class of the workflow."""
        return self._definition.workflow

    def definition_in(self, backend: Backend) -> BoundDefinition | None:
        """What is known of the workflow, when its instances live in `backend`."""
        return self._definition if self._backend is backend else None

    def paying(self, toll: Toll) -> Binding[P]:
        """The same, but with each new instance goes what `toll` says; what that raises, `create` raises."""
        return Binding(self._backend, self._definition, toll)

    async def create(
        self,
        *,
        id: str | None = None,
        params: P | dict[str, Any] = NO_PARAMS,
        exist_ok: bool = False,
        retention: Retention | None = None,
        also: Operation[object] | None = None,
    ) -> WorkflowInstance:
        """A new instance, durable when this returns, and begun, or queued under a `concurrency` limit.

        `id` may have letters, digits, `_` and `-`; by default it is a UUID. A taken one raises
        `InstanceExists`, or with `exist_ok` gives that instance. `retention` says how long it is kept once it
        has ended; by default that is what its workflow or the engine says.

        `also` is an operation of the engine's store that is carried out where the instance is really new: it
        is written together with it, or neither is. What it raises is raised.
        """
        id = str(uuid.uuid4()) if id is None else checked_id(id)
        due = await self._due()
        [created] = await self._backend.create([self._new(id, params, retention, _both(due(id), also))])
        if created is not None:
            return WorkflowInstance(self._backend, self._definition, id, created.ref)
        if exist_ok:
            return self.get(id)
        raise InstanceExists(f'(instance.already_exists) Workflow instance with id "{id}" already exists')

    async def create_batch(self, items: Sequence[BatchItem[P]]) -> CreatedBatch:
        """Up to 100 new instances in one transaction: all that can be created, or none after an error.

        Ids that are taken, or repeated in the batch, are left out and told in `.errors`; a malformed id, or
        params that do not fit, refuse the whole batch.
        """
        ids, errors = new_ids(items)
        made = {index: str(uuid.uuid4()) if id is None else id for index, id in ids.items()}
        due = await self._due()
        new = [
            self._new(id, items[index].get("params", NO_PARAMS), items[index].get("retention"), due(id))
            for index, id in made.items()
        ]
        created = []
        for (index, id), instance in zip(made.items(), await self._backend.create(new), strict=True):
            if instance is None:
                errors.append(exists(index, id))
            else:
                created.append(WorkflowInstance(self._backend, self._definition, id, instance.ref))
        return CreatedBatch(tuple(created), tuple(sorted(errors, key=lambda error: error.index)))

    async def delete_batch(self, ids: Sequence[str]) -> DeletedBatch:
        """Deletes up to 100 instances, one after the other; unknown ids are told in `.errors`."""
        deleted, errors = [], []
        for id, index in old_ids(ids).items():
            try:
                await self.get(id).delete()
            except InstanceNotFound:
                errors.append(not_found(index, id))
            else:
                deleted.append(id)
        return DeletedBatch(tuple(deleted), tuple(errors))

    def get(self, id: str) -> WorkflowInstance:
        """A handle; an unknown id raises `InstanceNotFound` when the handle is first used."""
        return WorkflowInstance(self._backend, self._definition, id)

    async def list(
        self,
        *,
        status: Status | Collection[Status] | None = None,
        created_from: datetime | None = None,
        created_before: datetime | None = None,
        newest_first: bool = False,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page:
        """Instances in the order of their creation, `limit` at a time; `cursor` is that of the last page.

        A page is not disturbed by instances that are created or deleted meanwhile: none comes twice, none
        that stays is left out.
        """
        wanted = listing(
            self.name,
            status=status,
            created_from=created_from,
            created_before=created_before,
            newest_first=newest_first,
            cursor=cursor,
            limit=limit,
        )
        return page(await self._backend.select(wanted), limit, newest_first=newest_first)

    async def _due(self) -> Callable[[str], Also]:
        found = None if self._toll is None else await self._toll(self.name)
        return found or (lambda _id: None)

    def _new(
        self,
        id: str,
        params: object,
        retention: Retention | None,
        also: Operation[object] | None = None,
    ) -> NewInstance:
        definition = self._definition
        stored = definition.dump_params(params)
        return NewInstance(definition.name, id, stored, definition.kept(retention), also=also)


def _both(one: Also, other: Also) -> Also:
    if one is None or other is None:
        return one or other

    def write(connection: sqlite3.Connection) -> None:
        one(connection)
        other(connection)

    return write
