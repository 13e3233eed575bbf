"""`agents review URL`: a pull request of a fake GitHub, from a shell."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from integrations.cli.main import main
from integrations.github.testing import Fault
from tests.integrations.cli.program import Ended
from tests.integrations.github.hosting import NAME, Place, place

pytestmark = pytest.mark.anyio


Agents = Callable[..., Awaitable[Ended]]


@pytest.fixture
def agents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Agents:
    """The command line, in this process, for the fake GitHub of a place."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    async def called(here: Place, *arguments: str, token: str | None = None) -> Ended:
        monkeypatch.setenv("GITHUB_API_URL", here.github.api)
        monkeypatch.setenv("GITHUB_TOKEN", here.github.token if token is None else token)
        code = await asyncio.to_thread(main, arguments)
        return Ended(code, *capsys.readouterr())

    return called


def url(here: Place) -> str:
    return f"{here.github.web}/{NAME}/pull/1"


async def test_it_prints_and_posts_only_when_asked(tmp_path: Path, agents: Agents) -> None:
    async with place(tmp_path) as here:
        printed = await agents(here, "review", url(here), "--json")
        assert (printed.code, printed.err) == (0, "")
        found = json.loads(printed.out)["findings"]
        assert [one["line"] for one in found] == [5, 6]
        assert here.pull.reviews == []

        posted = await agents(here, "review", url(here), "--post")
        assert "posted: https://github.example/octo/shop/pull/1#review-1001" in posted.err
        assert here.lines() == ["shop.py:5", "shop.py:6"]
        again = await agents(here, "review", url(here), "--post")
        assert "answered from its record" in again.err
        assert len(here.pull.reviews) == 1
        assert here.github.token not in printed.out + posted.out + posted.err


async def test_what_is_dismissed_is_left_out(tmp_path: Path, agents: Agents) -> None:
    async with place(tmp_path) as here:
        found = json.loads((await agents(here, "review", url(here), "--json")).out)["findings"]
        fingerprint = found[0]["fingerprint"]
        dismissed = await agents(here, "review", "dismiss", fingerprint, "--of", NAME, "--reason", "ours")
        assert (dismissed.code, dismissed.out, dismissed.err) == (0, "", "")
        await agents(here, "review", url(here), "--post")
        assert here.lines() == ["shop.py:6"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["https://github.com/octo/shop/pull/1"], "is not of http://127.0.0.1"),
        (["{web}/octo/shop/issues/1"], "is no pull request: write"),
        (["{web}/octo/shop/pull/9"], "GitHub answered 404"),
        (["{web}/octo/shop/pull/1", "x"], "give one URL"),
        ([".", "--post"], "--post is for pull requests"),
    ],
)
async def test_what_is_refused(tmp_path: Path, agents: Agents, arguments: list[str], said: str) -> None:
    async with place(tmp_path) as here:
        ended = await agents(here, "review", *(one.format(web=here.github.web) for one in arguments))
        assert ended.code == 2
        assert said in ended.line
        assert all(one.authorization.endswith(here.github.token) for one in here.github.asked)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(502, "GET", "/pulls/1"), "GitHub answered 502"),
        (Fault(403, "GET", "/pulls/1", {"retry-after": "7200"}, "rate limit"), "; ask again after "),
    ],
    ids=["down", "over a limit"],
)
async def test_what_cannot_be_answered_now_is_incomplete_and_no_wrong_question(
    tmp_path: Path, agents: Agents, fault: Fault, said: str
) -> None:
    async with place(tmp_path) as here:
        here.github.faults = [fault]
        ended = await agents(here, "review", url(here))
        assert (ended.code, ended.out, said in ended.line) == (3, "", True)


async def test_without_a_token_nothing_is_posted(tmp_path: Path, agents: Agents) -> None:
    async with place(tmp_path) as here:
        ended = await agents(here, "review", url(here), "--post", token="")
        assert (ended.code, ended.line) == (2, "agents: --post needs a token: set GITHUB_TOKEN")
