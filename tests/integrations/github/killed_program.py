"""Reviews every open pull request of a fake GitHub, until each head is told."""

from __future__ import annotations

import asyncio
from multiprocessing.connection import Connection
from pathlib import Path

from integrations.github import GitHub, Patience, PullEnv, PullReview, ReviewPullRequest, Site
from tests.integrations.github.hosting import NAME, WORKFLOWS
from workflows import Engine

SETTLE = 0.5


def program(api: str, token: str, folder: Path, parent: Connection) -> None:
    """Says "open" and "done"."""
    asyncio.run(_main(api, token, folder, parent))


async def _main(api: str, token: str, folder: Path, parent: Connection) -> None:
    site = Site.of(api, token=token)
    env = PullEnv(
        github=site,
        mirrors=folder / "mirrors",
        patience=Patience(limit=100, first=0.05, most=0.2),
        settle=SETTLE,
    )
    async with Engine(folder / "reviews.db", WORKFLOWS, env=env, quarantine_after=None) as engine:
        parent.send("open")
        while True:
            async with GitHub(site) as github:
                pulls = await github.open_pulls(NAME)
            asked = [PullReview(repository=NAME, number=one.number, head=one.head.sha) for one in pulls]
            binding = engine.workflow(ReviewPullRequest)
            runs = [await binding.create(id=one.id, params=one, exist_ok=True) for one in asked]
            outcomes = [await one.result() for one in runs]
            if not any(one.stopped or one.posted.stopped for one in outcomes):
                break
        parent.send("done")
