"""`AgentWorkflowStep`: the step of an `AgentWorkflow`, with what it tells its agent durably."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from agents_sdk.workflow.link import Link
from workflows import Failure, WorkflowStep

__all__ = ["AgentWorkflowStep"]


class AgentWorkflowStep(WorkflowStep):
    """A `WorkflowStep`; each of its own methods is one more step, which reaches the agent at least once.

    As any step it is tried again while the agent raises, and is not done again once it is recorded.
    """

    def __init__(self, step: WorkflowStep, link: Link) -> None:
        super().__init__(step._run, step._children, step._prefix)  # noqa: SLF001  # those of its own class
        self._link = link

    def report_complete(self, result: object = None) -> Coroutine[object, None, None]:
        """Calls `on_workflow_complete` now; the end itself, if it is no error, is then not told again."""
        return self.do("__agent_report_complete", self._link.complete, result)

    def report_error(self, error: BaseException | Failure | str) -> Coroutine[object, None, None]:
        """Calls `on_workflow_error` now; the end itself is then not told again."""
        return self.do("__agent_report_error", self._link.error, _failure(error))

    def send_event(self, event: object) -> Coroutine[object, None, None]:
        """Calls `on_workflow_event`."""
        return self.do("__agent_send_event", self._link.event, event)

    def update_agent_state(self, state: object) -> Coroutine[object, None, None]:
        """Replaces the agent's state, which its clients are told."""
        return self.do("__agent_update_agent_state", self._link.set_state, state)

    def merge_agent_state(self, part: dict[str, Any]) -> Coroutine[object, None, None]:
        """Replaces some keys of the agent's state: what others change meanwhile stays."""
        return self.do("__agent_merge_agent_state", self._link.merge_state, part)

    def reset_agent_state(self) -> Coroutine[object, None, None]:
        """Replaces the agent's state by its `initial_state`."""
        return self.do("__agent_reset_agent_state", self._link.reset_state)

    def scope(self, name: str, /) -> AgentWorkflowStep:
        """See `WorkflowStep.scope`."""
        return AgentWorkflowStep(super().scope(name), self._link)


def _failure(error: BaseException | Failure | str) -> Failure:
    if isinstance(error, str):
        return Failure("WorkflowError", error)
    return Failure(type(error).__name__, str(error)) if isinstance(error, BaseException) else error
