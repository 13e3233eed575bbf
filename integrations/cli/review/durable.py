"""One review as one workflow instance: begun, resumed, or answered from its record."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from integrations.cli.errors import CommandError
from integrations.code_review import CodeReview, ReviewEnv, ReviewInput, ReviewReport
from workflows import Engine, HistoryEvent, StoreInUse, WorkflowEntrypoint, WorkflowInstance

__all__ = ["Asked", "Ran", "Reviewed", "Workflow", "review_durably", "run_durably"]

Follow = Callable[[HistoryEvent], object]
Workflow = type[WorkflowEntrypoint[Any, Any]]


@dataclass(frozen=True, slots=True)
class Asked:
    """The instance that is to run, or to go on."""

    workflow: Workflow
    id: str
    params: object
    children: Iterable[Workflow] = ()


@dataclass(frozen=True, slots=True)
class Ran:
    """What it came to, and how much of it this process did not have to do."""

    output: Any
    kept: int
    recorded: bool


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A report, and how much of it this process did not have to do."""

    report: ReviewReport
    kept: int = 0
    """Steps that an earlier process had finished, so that this one did not repeat them."""
    recorded: bool = False
    """All of it was finished before."""


async def review_durably(
    subject: ReviewInput, *, database: Path, env: ReviewEnv, again: bool, follow: Follow
) -> Reviewed:
    """The review of `subject`; see `run_durably`."""
    asked = Asked(CodeReview, subject.workflow_id, subject)
    ran = await run_durably(asked, database=database, env=env, again=again, follow=follow)
    return Reviewed(ran.output, kept=ran.kept, recorded=ran.recorded)


async def run_durably(asked: Asked, *, database: Path, env: ReviewEnv, again: bool, follow: Follow) -> Ran:
    """Runs on an engine over `database`; killed at any moment, the next call goes on.

    `again` forgets a finished one first. Raises `WorkflowFailed` when it ends with an error.
    """
    began = datetime.now(UTC)
    try:
        # It is alone in its process, and whoever starts it again wants it to go on.
        workflows = [asked.workflow, *asked.children]
        engine = await Engine(database, workflows, env=env, quarantine_after=None).open()
    except StoreInUse:
        raise CommandError(
            f"{database} is in use, probably by a review of the same change: "
            "wait until it has ended, or name another file with --db"
        ) from None
    async with engine:
        binding = engine.workflow(asked.workflow)
        instance = await binding.create(id=asked.id, params=asked.params, exist_ok=True)
        recorded = await _settle(instance, began, again=again)
        kept = 0
        async for event in instance.subscribe():
            kept += event.type == "step_completed" and event.timestamp < began
            follow(event)
            if event.type == "workflow_paused":
                reason = (await instance.status()).reason
                raise CommandError(f"this review cannot go on ({reason}); --again begins it anew")
        return Ran(await instance.result(), kept=kept, recorded=recorded)


async def _settle(instance: WorkflowInstance, began: datetime, *, again: bool) -> bool:
    """Whether the record answers; what ended without a report begins anew."""
    status = await instance.status()
    ended = status.finished_at is not None and status.finished_at < began
    fruitless = ended and status.status != "complete"
    if fruitless or (again and status.created_at < began):
        await instance.restart()
        return False
    return ended
