"""What an app is to the workflows of its engine: it knows the agents that have started them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar, cast

from agents_sdk.agent_method import AgentMethod
from agents_sdk.errors import NoAgent
from agents_sdk.life.host import StartFailed
from agents_sdk.life.hosts import Hosts
from agents_sdk.workflow.report import PLACE, EndReport
from agents_sdk.workflow.tracking import Row, Tracking
from workflows import Engine, Finished

__all__ = ["Starters"]

T = TypeVar("T")


class Starters:
    """Serves the place of the agents: hooks are delivered here, and `AgentWorkflow` reaches it."""

    def __init__(self, engine: Engine, hosts: Hosts) -> None:
        self.serves = False
        self._places = engine.places
        self._deliveries = engine.deliveries  # also for an engine that is closed before its app
        self._tracking = Tracking(engine.store)
        self._hosts = hosts

    async def serve(self) -> None:
        """From now on workflows find agents, and agents hear of their ends."""
        self._places.serve(PLACE, self)
        self.serves = True
        await self._deliveries.serve(PLACE, self._deliver)

    async def rest(self, grace: float) -> None:
        """Who looks for an agent waits for the next app."""
        if self.serves:
            self.serves = False
            self._places.rest(PLACE)
            await self._deliveries.rest(PLACE, grace)

    async def started(self, workflow: str, id: str) -> Row | None:
        """See `Agents`."""
        return await self._tracking.of(workflow, id)

    async def inside(self, agent: int, work: Callable[[Any], Awaitable[T]], *, reports: bool = False) -> T:
        """See `Agents`."""
        host = await self._hosts.numbered(agent, "a report")
        if host is None:
            raise NoAgent("the agent that has started this workflow was destroyed")
        try:
            async with host.event() as living:
                try:
                    return await work(living)
                except Exception as error:
                    if reports:
                        await host.report(error)
                    raise
        except StartFailed as failed:
            raise failed.error from None

    async def report(self, row: Row, kind: Literal["complete", "errored"], what: object) -> None:
        """See `Agents`."""
        await self._tell(row, kind, what)
        await self._tracking.mark(row, kind)

    async def broadcast(self, agent: int, message: str) -> None:
        """See `Agents`."""
        host = await self._hosts.numbered(agent, "a report")
        if host is not None:
            host.connections.broadcast(message)

    async def _deliver(self, hook: AgentMethod | EndReport, finished: Finished) -> None:
        if isinstance(hook, AgentMethod):
            await self._hosts.deliver(hook, finished)
            return
        row = await self._tracking.of(finished.workflow, finished.id)
        if row is not None and row.damage is not None:
            raise NoAgent(row.damage)  # it is dead, and can be driven again when the file was restored
        if row is not None:
            await self._ended(row, finished)

    async def _ended(self, row: Row, finished: Finished) -> None:
        """Tells the agent, unless the workflow itself has, or the agent was destroyed, or did it."""
        if finished.status != "terminated" and not _was_told(row, finished):
            what = finished.output if finished.status == "complete" else finished.error
            try:
                await self._tell(row, finished.status, what)
            except NoAgent:
                return
        if row.forgotten:
            await self._tracking.forget(row)
        else:
            await self._tracking.mark(row, "told")

    async def _tell(self, row: Row, kind: Literal["complete", "errored"], what: object) -> None:
        def tell(agent: Any) -> Awaitable[None]:
            hook = agent.on_workflow_complete if kind == "complete" else agent.on_workflow_error
            return cast(Awaitable[None], hook(row.name, row.instance, what))

        await self.inside(row.agent, tell, reports=True)


def _was_told(row: Row, finished: Finished) -> bool:
    """A report of an error stands for any end, one that it is complete not for an error that followed."""
    return row.reported == "errored" or row.reported == finished.status
