"""An agent that reviews the pull requests of a repository, each head once.

    python examples/code_review_agent.py

plays it offline: a fake GitHub on this machine, and the clock of the test kit, on which an hour passes in a
moment. The same app for GitHub, by the environment (docs/review-your-pull-requests.md):

    uvicorn --factory examples.code_review_agent:app
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any

import httpx

from agents_sdk import AgentsApp
from agents_sdk.security import Secret
from examples.changes.repository import git, make_repository
from integrations.code_review import CodeReview
from integrations.code_review.model.language_model import LanguageModel
from integrations.github import Site
from integrations.github.agent import AgentEnv, PullRequestAgent, ReviewForAgent, agent_name
from integrations.github.testing import FakeGitHub, Hosted, HostedPull
from integrations.llm import LLM
from workflows.testing import VirtualClock

SHOP = "ann/shop"
SECRET = "known to both"  # noqa: S105  # of the fake


def app() -> AgentsApp:
    """For GitHub: by REPOSITORIES, GITHUB_TOKEN, GITHUB_WEBHOOK_SECRET, PUBLIC_HOST and OPENAI_MODEL."""
    env = AgentEnv(
        github=Site.from_environment(),
        repositories=os.environ["REPOSITORIES"].split(","),
        secrets=[Secret(os.environ["GITHUB_WEBHOOK_SECRET"])],
        mirrors=Path(".agents/mirrors"),
        reviewer=LanguageModel(LLM()) if os.environ.get("OPENAI_MODEL") else None,
    )
    return reviewing(env, Path(".agents"), allowed_hosts=[os.environ["PUBLIC_HOST"]])


def reviewing(env: AgentEnv, data: Path, **more: Any) -> AgentsApp:
    return AgentsApp(
        [PullRequestAgent],
        [CodeReview, ReviewForAgent],
        data=data,
        env=env,
        on_before_request=env.webhooks_only,
        **more,
    )


async def main(folder: Path) -> None:
    repository = make_repository(folder / "shop")
    git(repository, "checkout", "--quiet", "-b", "refactor")
    git(repository, "commit", "--quiet", "--message", "Take checkout apart")
    async with FakeGitHub() as github:
        hosted = github.host(SHOP, repository)
        pull = hosted.open("refactor")
        env = AgentEnv(
            github=github.site(),
            repositories=[SHOP],
            secrets=[Secret(SECRET)],
            mirrors=folder / "mirrors",
        )
        clock = VirtualClock()
        async with reviewing(env, folder / "data", clock=clock) as agents:
            agent = await agents.get_agent(PullRequestAgent, agent_name(SHOP))
            print("GitHub delivers a webhook:", await delivered(agents, github, hosted, pull))
            await show(agent, pull, reviews=1)

            git(repository, "checkout", "--quiet", "main", "--", "shop/payment.py", "shop/mails.py")
            git(repository, "commit", "--quiet", "--message", "Take two files back")
            print("\nAnn pushes, and the webhook is lost; 15 minutes later the agent looks for itself.")
            await clock.sleep(15 * 60)
            await show(agent, pull, reviews=2)


async def delivered(agents: AgentsApp, github: FakeGitHub, hosted: Hosted, pull: HostedPull) -> int:
    headers, body = github.webhook(hosted, pull, "opened", secret=SECRET, delivery="1")
    transport = httpx.ASGITransport(agents)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        url = f"/agents/pull-request-agent/{agent_name(SHOP)}"
        return (await client.post(url, headers=headers, content=body)).status_code


async def show(agent: PullRequestAgent, pull: HostedPull, *, reviews: int) -> None:
    while agent.state.reviews < reviews:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    latest = agent.state.latest[0]
    print(f"review {agent.state.reviews}: {latest.told} new, {latest.spent.requests} requests to a model")
    for said in pull.comments:
        told = said.body.splitlines()[0].split(":")[0]
        print(f"  {said.path}:{said.line}  {'gone' if 'No longer' in said.body else told}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        asyncio.run(main(Path(made)))
