"""The workflows that an agent has started: one part, in which all that can be done with them stands."""

from __future__ import annotations

import builtins
import random
import secrets
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from agents_sdk.env import Launcher
from agents_sdk.errors import AlreadyTracked, NotTracked
from agents_sdk.part import Part
from agents_sdk.security.log import audited
from agents_sdk.workflow.criteria import Criteria, Order, dump_metadata, load_metadata, paged
from agents_sdk.workflow.entrypoint import AgentWorkflow
from agents_sdk.workflow.tracked import TrackedWorkflow, WorkflowPage
from agents_sdk.workflow.tracking import Reported, Row, Tracking, track
from workflows import (
    Binding,
    Clock,
    Failure,
    InstanceExists,
    InstanceStatus,
    ListedInstance,
    Retention,
    Status,
    StoreError,
    UnknownWorkflow,
    WorkflowEntrypoint,
    WorkflowInstance,
)

__all__ = ["NO_PARAMS", "Workflows"]

NO_PARAMS: dict[str, Any] = {}
"""What a workflow gets that is given none."""

_APPROVAL = "approval"
_SWEEPS = 0.01
"""How many of the starts look for rows whose instances are gone: an agent may never ask for a list."""
_FINAL = ("complete", "errored", "terminated")


class _Found(NamedTuple):
    """A row, and how its instance is."""

    row: Row
    listed: ListedInstance


class Workflows(Part):
    """The workflows of one agent: those that its `run_workflow` has started.

    An id that is none of them raises `NotTracked`.
    """

    def __init__(self, launcher: Launcher, tracking: Tracking, agent: int, clock: Clock) -> None:
        self._launcher = launcher
        self._tracking = tracking
        self._agent = agent
        self._clock = clock

    async def run(
        self,
        workflow: type[WorkflowEntrypoint[Any, Any]] | str,
        params: Any,
        *,
        id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        exist_ok: bool = False,
        retention: Retention | None = None,
    ) -> str:
        """See `Agent.run_workflow`."""
        binding = self._binding(workflow)
        if id is None:
            id = f"wf_{secrets.token_urlsafe(16)}"
        else:
            await self._make_room(id)
        also = track(
            self._agent,
            binding.name,
            id,
            name=workflow if isinstance(workflow, str) else binding.name,
            metadata=dump_metadata(metadata),
            created=self._clock.now(),
            reported=_unheard(binding),
        )
        if random.random() < _SWEEPS:  # noqa: S311  it keeps no secret
            await self._present(await self._tracking.all(self._agent))
        try:
            await binding.create(id=id, params=params, retention=retention, also=also)
        except InstanceExists:
            row = await self._tracking.find(self._agent, id)
            if row is None:  # somebody else has it
                raise
            if not (exist_ok and row.workflow == binding.name):
                raise AlreadyTracked(id) from None
        return id

    async def get(self, id: str) -> TrackedWorkflow | None:
        """How it is now; None: the agent has not started it, or it is gone."""
        row = await self._tracking.find(self._agent, id)
        if row is None:
            return None
        found = await self._present([row])
        return _shown(*found[0]) if found else None

    async def list(
        self,
        *,
        status: Status | Collection[Status] | None = None,
        workflow: type[WorkflowEntrypoint[Any, Any]] | str | None = None,
        metadata: Mapping[str, Any] | None = None,
        limit: int = 50,
        order: Order = "desc",
        cursor: str | None = None,
    ) -> WorkflowPage:
        """Those that fit everything given, by the time of their start, at most 100 on a page.

        `metadata` names keys with the values that they have. `cursor` is the one of the last page.
        """
        found = await self._matching(Criteria.of(status, metadata), workflow)
        rows, following = paged([one.row for one in found], limit=limit, order=order, cursor=cursor)
        by_row = {one.row.id: one for one in found}
        return WorkflowPage(tuple(_shown(*by_row[row.id]) for row in rows), len(found), following)

    async def status(self, id: str) -> InstanceStatus:
        """Everything that the engine knows of it, also its output."""
        return await (await self._handle(id)).status()

    async def send_event(self, id: str, type: str, payload: object = None) -> None:
        """Sends an event, which a `step.wait_for_event` receives; durable when this returns."""
        await self._send("send", id, type, payload)

    async def approve(
        self,
        id: str,
        *,
        reason: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        event_type: str = _APPROVAL,
    ) -> None:
        """Lets a `wait_for_approval` go on, which returns `metadata`."""
        given = None if metadata is None else dict(metadata)
        await self._send("approve", id, event_type, {"approved": True, "reason": reason, "metadata": given})

    async def reject(self, id: str, *, reason: str | None = None, event_type: str = _APPROVAL) -> None:
        """Lets a `wait_for_approval` raise `WorkflowRejectedError`."""
        await self._send("reject", id, event_type, {"approved": False, "reason": reason})

    async def pause(self, id: str) -> None:
        """See `WorkflowInstance.pause`."""
        await (await self._handle(id)).pause()
        _audited("pause", id)

    async def resume(self, id: str) -> None:
        """See `WorkflowInstance.resume`."""
        await (await self._handle(id)).resume()
        _audited("resume", id)

    async def terminate(self, id: str, *, rollback: bool = False) -> None:
        """See `WorkflowInstance.terminate`; the agent, which has said so, is not told of this end."""
        await (await self._handle(id)).terminate(rollback=rollback)
        _audited("terminate", id)

    async def restart(self, id: str, *, reset_tracking: bool = True) -> None:
        """See `WorkflowInstance.restart`; with `reset_tracking` it counts as started now."""
        row = await self._tracked(id)
        binding = self._launcher.workflow(row.workflow)
        if reset_tracking:
            await self._tracking.begin_anew(row, self._clock.now(), _unheard(binding))
        else:
            await self._tracking.mark(row, _unheard(binding))
        await binding.get(row.instance).restart()  # only now, as the new run may report at once
        _audited("restart", id)

    async def delete(self, id: str) -> bool:
        """The agent does not see it any more; false: it did not. The instance stays, and goes on."""
        row = await self._tracking.find(self._agent, id)
        return row is not None and bool(await self._forget(await self._present([row])))

    async def delete_many(
        self,
        *,
        status: Status | Collection[Status] | None = None,
        workflow: type[WorkflowEntrypoint[Any, Any]] | str | None = None,
        metadata: Mapping[str, Any] | None = None,
        created_before: datetime | None = None,
    ) -> int:
        """See `delete`, of all that fit everything given; how many that were."""
        return await self._forget(
            await self._matching(Criteria.of(status, metadata, created_before), workflow)
        )

    async def _send(self, action: str, id: str, type: str, payload: object) -> None:
        await (await self._handle(id)).send_event(type, payload)
        _audited(action, id)

    async def _make_room(self, id: str) -> None:
        """Forgets an instance that is gone, and would still have the id."""
        row = await self._tracking.find(self._agent, id)
        if row is not None and not await self._launcher.listed([row.key]):
            await self._tracking.forget(row)

    async def _forget(self, found: Collection[_Found]) -> int:
        await self._tracking.forget(*(one.row for one in found if one.listed.status in _FINAL))
        await self._tracking.hide(*(one.row for one in found if one.listed.status not in _FINAL))
        return len(found)

    async def _matching(
        self, criteria: Criteria, workflow: type[WorkflowEntrypoint[Any, Any]] | str | None
    ) -> builtins.list[_Found]:
        named = None if workflow is None else self._name(workflow)
        rows = [row for row in await self._tracking.all(self._agent, named) if criteria.fits(row)]
        found = await self._present(rows)
        statuses = criteria.statuses
        return [one for one in found if statuses is None or one.listed.status in statuses]

    async def _present(self, rows: Collection[Row]) -> builtins.list[_Found]:
        """Those of which the engine still has the instance; others are not shown, and not kept for long."""
        listed = await self._launcher.listed([row.key for row in rows])
        gone = [row for row in rows if row.key not in listed and row.reported == "told"]
        await self._tracking.forget(*gone)
        return [_Found(row, listed[row.key]) for row in rows if row.key in listed]

    async def _tracked(self, id: str) -> Row:
        row = await self._tracking.find(self._agent, id)
        if row is None:
            raise NotTracked(id)
        if row.damage is not None:
            raise StoreError(row.damage)
        return row

    async def _handle(self, id: str) -> WorkflowInstance:
        return self._instance(await self._tracked(id))

    def _instance(self, row: Row) -> WorkflowInstance:
        return self._launcher.workflow(row.workflow).get(row.instance)

    def _name(self, workflow: type[WorkflowEntrypoint[Any, Any]] | str) -> str:
        """Of its class; of one that this app was not given, the name that its rows have."""
        try:
            return self._launcher.workflow(workflow).name
        except UnknownWorkflow:
            return workflow if isinstance(workflow, str) else workflow.__name__

    def _binding(self, workflow: type[WorkflowEntrypoint[Any, Any]] | str) -> Binding[Any]:
        try:
            return self._launcher.workflow(workflow)
        except UnknownWorkflow as error:
            if not isinstance(workflow, str):
                raise
            raise UnknownWorkflow(f"Workflow binding '{workflow}' not found in environment") from error


def _unheard(binding: Binding[Any]) -> Reported | None:
    """What an agent has heard of a workflow at its start."""
    return None if issubclass(binding.workflow, AgentWorkflow) else "told"


def _shown(row: Row, listed: ListedInstance) -> TrackedWorkflow:
    return TrackedWorkflow(
        id=row.instance,
        workflow_name=row.name,
        status=listed.status,
        metadata=load_metadata(row.believed),
        error=listed.error if row.damage is None else Failure("StoreError", row.damage),
        created_at=datetime.fromtimestamp(row.created, UTC),
        finished_at=listed.finished_at,
    )


def _audited(action: str, id: str) -> None:
    audited(action, f"instance {id}")
