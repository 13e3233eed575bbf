"""`examples/code_review_agent.py`: two hours on virtual time."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents_sdk import AgentsApp
from examples.changes.repository import git, make_repository
from examples.code_review_agent import CodeReviewAgent, main, show_next
from integrations.code_review import CodeReview
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """The project is asyncio only."""
    return "asyncio"


async def test_it_reviews_every_hour_and_keeps_the_findings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await main(tmp_path)
    first, second = capsys.readouterr().out.split("Ann takes two of the files back.")
    assert "01:00:10  8 findings" in first
    assert "shop/payment.py:37  high  secret/hard-coded" in first
    assert "02:00:10  " in second
    assert "shop/payment.py" not in second


async def test_a_restart_goes_on_watching(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repository, clock = make_repository(tmp_path / "shop"), VirtualClock()
    async with AgentsApp([CodeReviewAgent], [CodeReview], data=tmp_path / "data", clock=clock) as app:
        agent = await app.get_agent(CodeReviewAgent, "shop")
        await agent.watch(str(repository))
        await show_next(agent, clock)
        found = agent.state
    async with AgentsApp([CodeReviewAgent], [CodeReview], data=tmp_path / "data", clock=clock) as app:
        agent = await app.get_agent(CodeReviewAgent, "shop")
        assert agent.state == found
        await clock.sleep(2 * 3600)
        assert [schedule.callback for schedule in await agent.get_schedules()] == ["review"]
        git(repository, "checkout", "--quiet", "HEAD", "--", "shop/payment.py")
        await show_next(agent, clock)
    assert len(agent.state.findings) < len(found.findings)
    assert "04:00:10" in capsys.readouterr().out
