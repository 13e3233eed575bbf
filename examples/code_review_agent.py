"""An agent that reviews a repository every hour, and keeps what was found in its state.

    python examples/code_review_agent.py

It is told once which repository to watch. Every hour it starts a durable review of what is not
committed there, and looks every ten seconds whether that is done; a change that was reviewed is not reviewed
again. On the clock of the test kit two hours pass in a moment.
"""

from __future__ import annotations

import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from agents_sdk import Agent, AgentsApp, Schedule, Source
from examples.changes.repository import git, make_repository
from integrations.code_review import CodeReview, Finding, NothingToReview, choose_change
from workflows.testing import VirtualClock


class Watch(BaseModel):
    repository: str = ""
    review: str = ""
    findings: list[Finding] = []


class CodeReviewAgent(Agent[None, Watch]):
    initial_state = Watch()

    def __init__(self) -> None:
        self.news = asyncio.Event()

    async def watch(self, repository: str) -> None:
        await self.set_state(Watch(repository=repository))
        await self.schedule("0 * * * *", self.review)  # asked twice, it is still one

    async def review(self, _: None) -> None:
        try:
            change = await asyncio.to_thread(choose_change, Path(self.state.repository))
        except NothingToReview:
            return
        if change.workflow_id != self.state.review:
            review = await self.workflow(CodeReview).create(
                id=change.workflow_id, params=change, exist_ok=True
            )
            await self.schedule_every(10, self.look, {"id": review.id})

    async def look(self, about: dict[str, Any], schedule: Schedule) -> None:
        status = await self.workflow(CodeReview).get(about["id"]).status()
        if not status.finished:
            return
        if status.status == "complete":
            await self.set_state(
                Watch(
                    repository=self.state.repository,
                    review=about["id"],
                    findings=list(status.output.findings),
                )
            )
        await self.cancel_schedule(schedule.id)

    async def on_state_changed(self, state: Watch, source: Source) -> None:
        if state.review:
            self.news.set()


async def main(folder: Path) -> None:
    clock = VirtualClock()
    repository = make_repository(folder / "shop")
    async with AgentsApp([CodeReviewAgent], [CodeReview], data=folder / "data", clock=clock) as app:
        agent = await app.get_agent(CodeReviewAgent, "shop")
        await agent.watch(str(repository))
        await show_next(agent, clock)

        git(repository, "checkout", "--quiet", "HEAD", "--", "shop/payment.py", "shop/mails.py")
        print("\nAnn takes two of the files back.")
        await show_next(agent, clock)


async def show_next(agent: CodeReviewAgent, clock: VirtualClock) -> None:
    agent.news.clear()
    await agent.news.wait()
    print(f"\n{datetime.fromtimestamp(clock.now(), UTC):%H:%M:%S}  {len(agent.state.findings)} findings")
    for finding in agent.state.findings:
        print(f"  {finding.path}:{finding.line}  {finding.severity}  {finding.rule}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        asyncio.run(main(Path(made)))
