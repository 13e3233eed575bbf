"""A repository with a pull request on a fake GitHub, and runs of the workflow that reviews it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integrations.code_review import CodeReview, Reviewer
from integrations.github import Patience, PullEnv, PullOutcome, PullReview, ReviewPullRequest
from integrations.github.testing import FakeGitHub, Hosted, HostedPull
from tests.integrations.code_review.repository import Files, Repository
from workflows import Engine, WorkflowEntrypoint
from workflows.testing import VirtualClock

__all__ = ["AFTER", "BEFORE", "NAME", "WORKFLOWS", "Place", "place"]

NAME = "octo/shop"
WORKFLOWS: list[type[WorkflowEntrypoint[Any, Any]]] = [CodeReview, ReviewPullRequest]
_REST = """

LIMIT = 3
print("ready")
"""
SETTINGS = '[tool.codereview]\nanalysers = ["checks"]\n'  # ruff would be half of the time of a test
BEFORE: Files = {
    "pyproject.toml": SETTINGS,
    "shop.py": "import os\n\n\ndef name(user: str) -> str:\n    return user.strip()\n" + _REST,
}
_BODY = """    os.system("echo " + user)
    return eval(user)
"""
AFTER: Files = {"shop.py": "import os\n\n\ndef name(user: str) -> str:\n" + _BODY + _REST}


@dataclass(frozen=True, slots=True)
class Place:
    """The fake GitHub, one pull request of it, and the folder for all else."""

    github: FakeGitHub
    hosted: Hosted
    pull: HostedPull
    repository: Repository
    folder: Path

    def push(self, files: Files) -> str:
        """A commit on the branch of the pull request; its hash."""
        self.repository.commit(files)
        return self.hosted.head(self.pull)

    def asked(self, **more: Any) -> PullReview:
        """The head as it is now."""
        head = self.hosted.head(self.pull)
        return PullReview(repository=NAME, number=self.pull.number, head=head, **more)

    def env(self, reviewer: Reviewer | None = None) -> PullEnv:
        """For the engine."""
        return PullEnv(
            reviewer=reviewer,
            retries={"limit": 0, "delay": 0},
            github=self.github.site(),
            mirrors=self.folder / "mirrors",
            patience=Patience(limit=6, first=0.01, most=0.02),
            settle=0.0,
        )

    async def review(self, asked: PullReview | None = None, **more: Any) -> PullOutcome:
        """Reviews the head on an engine of its own, on virtual time."""
        asked = asked or self.asked()
        path = more.pop("path", ":memory:")
        async with Engine(path, WORKFLOWS, env=self.env(**more), clock=VirtualClock()) as engine:
            binding = engine.workflow(ReviewPullRequest)
            instance = await binding.create(id=asked.id, params=asked, exist_ok=True)
            outcome = await instance.result()
            assert isinstance(outcome, PullOutcome)
            return outcome

    def lines(self) -> list[str]:
        """Where comments stand."""
        return [f"{said.path}:{said.line}" for said in self.pull.comments]


@asynccontextmanager
async def place(folder: Path, before: Files = BEFORE, after: Files = AFTER) -> AsyncIterator[Place]:
    """A repository with `before` on main, and a pull request to `after`."""
    repository = Repository.create(folder / "shop")
    repository.commit(before)
    repository.git("checkout", "-q", "-b", "change")
    repository.commit(after)
    async with FakeGitHub() as github:
        hosted = github.host(NAME, repository.root)
        yield Place(github, hosted, hosted.open("change"), repository, folder)
