"""`agents review dismiss`: here, and at the agent of a repository."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from agents_sdk import AgentsApp
from agents_sdk.security import Secret
from integrations.cli.main import main
from integrations.code_review import CodeReview
from integrations.github import Site
from integrations.github.agent import AgentEnv, PullRequestAgent, ReviewForAgent, agent_name
from tests.agents_sdk.served import served
from tests.integrations.cli.program import Ended
from tests.integrations.code_review.repository import Repository

Agents = Callable[..., Ended]


@pytest.fixture
def agents(capsys: pytest.CaptureFixture[str]) -> Agents:
    """The command line, in this process and in the current folder."""

    def called(*arguments: str) -> Ended:
        return Ended(main(arguments), *capsys.readouterr())

    return called


def _found(agents: Agents, *options: str) -> list[str]:
    found = json.loads(agents("review", "--json", *options).out)["findings"]
    return [one["fingerprint"] for one in found]


def test_what_is_dismissed_is_not_told_again_until_it_is_restored(
    repository: Repository, agents: Agents
) -> None:
    first, *others = _found(agents)
    assert others
    assert agents("review", "dismiss", first, "--reason", "as we want it").code == 0
    assert _found(agents) == others  # of the review that is recorded
    assert _found(agents, "--again") == others
    listed = agents("review", "dismiss", "--list")
    assert listed.out == f"{first[:12]}  as we want it\n"
    assert agents("review", "dismiss", first[:12], "--undo").err == ""
    assert agents("review", "dismiss", "--list", "--json").out == "[]\n"
    assert _found(agents, "--again") == [first, *others]


def test_all_worktrees_know_it_and_nothing_is_committed(
    repository: Repository, agents: Agents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agents("review", "dismiss", "a" * 12)
    repository.git("worktree", "add", "-q", str(tmp_path / "other"))
    monkeypatch.chdir(tmp_path / "other")
    assert agents("review", "dismiss", "--list").out == f"{'a' * 12}\n"
    assert "dismissed" not in repository.git("status", "--porcelain", "--ignored")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name fingerprints"),
        (["abc"], "'abc' is no fingerprint"),
        (["a" * 12, "--of", "nowhere"], "nowhere is not a folder"),
        (["a" * 12, "--agent", "ftp://x"], "set GITHUB_WEBHOOK_SECRET"),
    ],
)
def test_what_is_refused(repository: Repository, agents: Agents, arguments: list[str], said: str) -> None:
    ended = agents("review", "dismiss", *arguments)
    assert ended.code == 2
    assert said in ended.line


def test_undoing_what_was_not_done_is_said(repository: Repository, agents: Agents) -> None:
    ended = agents("review", "dismiss", "b" * 12, "--undo")
    assert (ended.code, ended.line) == (0, f"agents: {'b' * 12} was not dismissed")


@pytest.mark.anyio
async def test_the_agent_of_a_repository_is_told(
    tmp_path: Path, agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = AgentEnv(
        github=Site.of("http://127.0.0.1:9/api/v3"), repositories=["octo/shop"], secrets=[Secret("s-e-c")]
    )
    app = AgentsApp(
        [PullRequestAgent],
        [CodeReview, ReviewForAgent],
        data=tmp_path / "data",
        env=env,
        on_before_request=env.webhooks_only,
    )
    async with served(app) as address:
        url = f"http://{address}/agents/pull-request-agent/{agent_name('octo/shop')}"

        async def dismiss(*arguments: str, secret: str = "s-e-c") -> tuple[int, str, str]:
            monkeypatch.setenv("GITHUB_WEBHOOK_SECRET", secret)
            told = ("review", "dismiss", *arguments, "--agent", url)
            ended = await asyncio.to_thread(agents, *told)
            return ended.code, ended.out, ended.err

        assert await dismiss("c" * 32, "--list") == (0, f"{'c' * 12}\n", "")
        assert await dismiss("--list") == (0, f"{'c' * 12}\n", "")
        assert await dismiss("c" * 12, "--undo", "--json") == (0, "[]\n", "")
        code, _, said = await dismiss("--list", secret="wrong")
        assert (code, said) == (2, "agents: the agent answered 401: Unauthorized\n")
