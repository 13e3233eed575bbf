"""Killed at any moment, also between a request and its record: nothing is told twice, nothing is lost."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
from collections import Counter
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from integrations.github.testing import FakeGitHub, Hosted, HostedPull
from tests.fault.sizes import size
from tests.integrations.code_review.repository import Repository
from tests.integrations.github.hosting import NAME
from tests.integrations.github.killed_program import program

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(size(300, 21_600))]

KILLS = size(6, 300)
PULLS = 3
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["pytest", program.__module__])
SETTINGS = '[tool.codereview]\nanalysers = ["checks"]\nmax_findings = 200\n'
SLOWEST = 0.2
"""Seconds from a request to its effect; the program waits longer after a crash."""


@dataclass(slots=True)
class Hunt:
    """A program that is killed again and again, and the pull requests that it reviews meanwhile."""

    github: FakeGitHub
    hosted: Hosted
    repository: Repository
    folder: Path
    chance: random.Random
    pushed: int = 0

    def push(self, pull: HostedPull) -> None:
        """One more file with one thing to remark."""
        self.pushed += 1
        self.repository.git("checkout", "-q", pull.branch)
        self.repository.commit({f"m{self.pushed}.py": f"x = eval({self.pushed} + y)\n"})

    def started(self) -> tuple[BaseProcess, Connection]:
        here, there = _CONTEXT.Pipe(duplex=False)
        arguments = (self.github.api, self.github.token, self.folder, there)
        process = _CONTEXT.Process(target=program, args=arguments, daemon=True)
        process.start()
        there.close()
        return process, here

    async def killed(self) -> bool:
        """Starts the program and kills it; false when it was done before."""
        self.github.latency = self.chance.uniform(0, SLOWEST)
        process, says = self.started()
        with says:
            assert await _heard(says) == "open"
            moment = asyncio.create_task(self._moment())
            while not moment.done() and not says.poll():  # noqa: ASYNC110
                await asyncio.sleep(0.002)
            moment.cancel()
            process.kill()
            await _ended(process)
            return await _heard(says) != "done"

    async def _moment(self) -> None:
        """Two in three of them are near a request that changes something."""
        if self.chance.random() < 1 / 3:
            await asyncio.sleep(self.chance.uniform(0, 3))
            return
        before = self._changing()
        nth = self.chance.randint(1, PULLS)
        while self._changing() < before + nth:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
        await asyncio.sleep(self.chance.uniform(0, 2 * self.github.latency))

    def _changing(self) -> int:
        return self.github.count("POST", "/reviews")

    def told(self, pull: HostedPull) -> Counter[str]:
        """How often each file was remarked."""
        return Counter(said.path for said in pull.comments)

    def wanted(self, pull: HostedPull) -> Counter[str]:
        """Each file of the pull request once."""
        return Counter(one.name for one in self.hosted.changed(pull))


async def _heard(says: Connection) -> str:
    """The next word of the program; nothing when it is dead."""
    while not says.poll():  # noqa: ASYNC110  # a pipe of multiprocessing has no event
        await asyncio.sleep(0.002)
    try:
        return str(says.recv())
    except EOFError:
        return ""


async def _ended(process: BaseProcess) -> None:
    while process.exitcode is None:  # noqa: ASYNC110
        await asyncio.sleep(0.002)
    process.join()


async def test_nothing_is_told_twice_and_nothing_is_lost(tmp_path: Path) -> None:
    repository = Repository.create(tmp_path / "shop")
    repository.commit({"pyproject.toml": SETTINGS})
    kills = 0
    async with FakeGitHub() as github:
        hunt = Hunt(github, github.host(NAME, repository.root), repository, tmp_path, random.Random(7))
        for number in range(PULLS):
            repository.git("checkout", "-q", "-b", f"change-{number}", "main")
            hunt.push(hunt.hosted.open(f"change-{number}"))
        while kills < KILLS:
            if await hunt.killed():
                kills += 1
                if hunt.chance.random() < 0.2:  # this head may never be told
                    hunt.push(hunt.chance.choice(list(hunt.hosted.pulls.values())))
            else:
                for pull in hunt.hosted.pulls.values():
                    assert hunt.told(pull) == hunt.wanted(pull)
                    hunt.push(pull)
        process, says = hunt.started()
        with says:
            assert [await _heard(says), await _heard(says)] == ["open", "done"]
        await _ended(process)
        for pull in hunt.hosted.pulls.values():
            assert hunt.told(pull) == hunt.wanted(pull)
            heads = Counter(review["commit_id"] for review in pull.reviews)
            assert heads.most_common(1)[0][1] == 1
        print(f"{kills} kills, {hunt.pushed} findings, {github.count('POST', '/reviews')} posts")  # noqa: T201
