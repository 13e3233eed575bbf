"""`AgentWorkflow`: a workflow that talks with the agent that has started it."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any, Generic, cast

from typing_extensions import TypeVar

from agents_sdk.errors import WorkflowRejectedError
from agents_sdk.typeargs import argument
from agents_sdk.workflow.link import Agents, AgentStub, Link
from agents_sdk.workflow.report import PLACE, with_report
from agents_sdk.workflow.step import AgentWorkflowStep
from agents_sdk.workflow.tracking import Row
from workflows import Duration, ReceivedEvent, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

__all__ = ["AgentWorkflow"]

A = TypeVar("A", default=Any)
P = TypeVar("P", default=Any)
E = TypeVar("E", default=Any)

_AGENT = 0  # its place in AgentWorkflow[Agent, Params, Env]


class AgentWorkflow(WorkflowEntrypoint[E, P, AgentWorkflowStep], Generic[A, P, E]):
    """Derive from `AgentWorkflow[YourAgent, Params]`, write `run`, start it by an agent's `run_workflow`.

    That agent hears of the end at least once, without a word of `run`: `on_workflow_complete` when it has
    returned, `on_workflow_error` when it has raised. A run begins when the app of the agents is started.
    """

    _link: Link
    _name: str

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.on_complete = cast(Any, with_report(cls.on_complete))
        cls.on_failure = cast(Any, with_report(cls.on_failure))

    @property
    def agent(self) -> A:
        """The agent that has started this instance: every public method of it, also a plain one, is awaited.

        It is woken for that. Durable is only what a step calls: `step.do("save", self.agent.save, value)`.
        """
        return cast(A, AgentStub(self._link, argument(type(self), AgentWorkflow, _AGENT)))

    @property
    def workflow_name(self) -> str:
        """The name under which the agent has started it: of its class, or of its binding."""
        return self._name

    async def report_progress(self, progress: Any) -> None:
        """Calls `on_workflow_progress` of the agent; again on a replay, as it is not recorded."""
        await self._link.progress(progress)

    async def broadcast_to_clients(self, message: Any) -> None:
        """Sends `message` as JSON to every client of the agent; again on a replay, as it is not recorded."""
        await self._link.broadcast(message)

    def wait_for_approval(
        self,
        step: AgentWorkflowStep,
        *,
        timeout: Duration = "24 hours",
        event_type: str = "approval",
        step_name: str = "wait-for-approval",
    ) -> Coroutine[object, None, Any]:
        """Waits for `self.workflows.approve` of the agent, and returns the metadata that it gave.

        Raises `WorkflowRejectedError` after `reject`, and `WorkflowTimeoutError` after `timeout`.
        """
        return self._approved(step.wait_for_event(step_name, event_type, timeout=timeout))

    async def __call__(self, event: WorkflowEvent[P], step: WorkflowStep, /) -> Any:
        """See `WorkflowEntrypoint`."""
        agents: Agents | None = await self.reach(PLACE)
        workflow, id = event.workflow_name, event.instance_id
        row = Row.replayed(workflow, id) if agents is None else await agents.started(workflow, id)
        self._link = Link(self.reach, row, id)
        self._name = workflow if row is None or row.damage is not None else row.name
        return await self.run(event, AgentWorkflowStep(step, self._link))

    async def _approved(self, waiting: Coroutine[object, None, ReceivedEvent[Any]]) -> Any:
        answer = (await waiting).payload
        said = answer if isinstance(answer, Mapping) else {}
        if not said.get("approved"):
            raise WorkflowRejectedError(said.get("reason"), self.instance.id)
        return said.get("metadata")
