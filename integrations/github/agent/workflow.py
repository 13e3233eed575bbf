"""`ReviewForAgent`: the review of a head, of which the agent of the repository hears."""

from __future__ import annotations

from agents_sdk import AgentWorkflow, AgentWorkflowStep
from integrations.code_review.workflow import KEPT
from integrations.github.env import PullEnv
from integrations.github.subject import PullOutcome, PullReview
from integrations.github.workflow import ERRORS, review_pull_request
from workflows import WorkflowEvent

__all__ = ["ReviewForAgent"]


class ReviewForAgent(AgentWorkflow[object, PullReview, PullEnv]):
    """As `ReviewPullRequest`; started by `PullRequestAgent`."""

    errors = ERRORS
    retention = KEPT

    async def run(self, event: WorkflowEvent[PullReview], step: AgentWorkflowStep, /) -> PullOutcome:
        """See `review_pull_request`."""
        return await review_pull_request(self.env, event.payload, step, run=event.instance_id)
