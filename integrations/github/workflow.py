"""`ReviewPullRequest`: one head is read, reviewed by `CodeReview`, and told once, as a durable workflow."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from integrations.code_review import CodeReview, ReviewReport
from integrations.code_review.finding import SHORT
from integrations.code_review.workflow import KEPT
from integrations.github.desk import Desk, why_not
from integrations.github.env import PullEnv
from integrations.github.errors import (
    GitHubLater,
    GitHubNotConfigured,
    GitHubRefused,
    RateLimited,
    Unprocessable,
)
from integrations.github.seen import Pull
from integrations.github.standing import Standing
from integrations.github.subject import Posted, PullOutcome, PullReview
from workflows import RetryOptions, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

__all__ = ["ERRORS", "ReviewPullRequest", "review_pull_request"]

ERRORS = (GitHubLater, GitHubNotConfigured, GitHubRefused, RateLimited, Unprocessable)
"""For the `errors` of a workflow that reviews."""
_LONG = "30 minutes"
"""For what is fetched, and for a post, which reads all that stands there first."""


class ReviewPullRequest(WorkflowEntrypoint[PullEnv, PullReview]):
    """Reviews one head of a pull request, and posts what is new, once. Create it with `id=review.id`."""

    errors = ERRORS
    retention = KEPT

    async def run(self, event: WorkflowEvent[PullReview], step: WorkflowStep, /) -> PullOutcome:
        """See `review_pull_request`."""
        return await review_pull_request(self.env, event.payload, step, run=event.instance_id)


async def review_pull_request(
    env: PullEnv, review: PullReview, step: WorkflowStep, *, run: str
) -> PullOutcome:
    """The steps: read, fetch, review as a child, post, mark what is gone."""
    desk, patient = Desk(env, review), env.patience.retries()
    outcome = PullOutcome(repository=review.repository, number=review.number, head=review.head)
    pull = await step.do("read the pull request", desk.read, retries=patient)
    if (reason := why_not(pull, review)) is not None:
        return outcome.model_copy(update={"stopped": reason})
    login = await step.do("ask who posts", desk.login, retries=patient)
    stands = await step.do("read what stands there", desk.standing, login, retries=patient)
    outcome = outcome.model_copy(update={"dismissed": stands.dismissed, "restored": stands.restored})
    report = review.report or await _reviewed(desk, pull, _settled(review, stands), step, patient)
    if report is None:
        return outcome.model_copy(update={"stopped": "it changes nothing"})
    if not review.post:
        return outcome.model_copy(update={"report": report})
    look = partial(desk.look, login)
    posted = await step.do(
        "post the review",
        desk.post,
        login,
        report,
        run,
        retries=patient,
        timeout=_LONG,
        on_interrupted=look,
    )
    gone = await _mark_gone(desk, login, report, posted, step, patient)
    return outcome.model_copy(update={"report": report, "posted": posted, "gone": tuple(gone)})


async def _reviewed(
    desk: Desk, pull: Pull, settled: tuple[str, ...], step: WorkflowStep, patient: RetryOptions
) -> ReviewReport | None:
    base = await step.do("find where it began", desk.merge_base, pull, retries=patient)
    subject = await step.do("fetch the commits", desk.fetch, base, settled, retries=patient, timeout=_LONG)
    if subject is None:
        return None
    return await step.run_workflow("review", CodeReview, subject, on_parent_end="terminate")


def _settled(review: PullReview, stands: Standing) -> tuple[str, ...]:
    """What is not told again: it stands there, or people dismissed it and did not think better of it."""
    restored = {one[:SHORT] for one in stands.restored}
    dismissed = [one for one in review.dismissed if one[:SHORT] not in restored]
    known = stands.known() if review.post else set()
    return tuple(sorted({one[:SHORT] for one in (*dismissed, *stands.dismissed)} | known))


async def _mark_gone(
    desk: Desk, login: str, report: ReviewReport, posted: Posted, step: WorkflowStep, patient: RetryOptions
) -> Sequence[int]:
    if posted.stopped:
        return ()
    remarks = await step.do("find what is gone", desk.gone, login, report, retries=patient)
    return [
        await step.do(f"mark comment {remark.id}", desk.mark_gone, remark, retries=patient)
        for remark in remarks
    ]
