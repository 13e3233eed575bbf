"""A pull request is reviewed, and told once, whatever GitHub does."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from integrations.github import PullOutcome, ReviewPullRequest
from integrations.github.testing import Fault
from tests.integrations.github.hosting import AFTER, BEFORE, WORKFLOWS, Place, place
from workflows import Engine, WorkflowFailed
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

REVIEWS = "/reviews"


def _fingerprints(here: Place) -> list[str]:
    found = (re.search(r"perdure-finding (\w+)", said.body) for said in here.pull.comments)
    return [one[1] for one in found if one]


def _holding(folder: Path, text: str) -> list[Path]:
    """The files in which a text stands."""
    return [one for one in folder.rglob("*") if one.is_file() and text.encode() in one.read_bytes()]


async def test_it_posts_one_review_with_comments_at_lines(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        outcome = await here.review()
        assert here.lines() == ["shop.py:5", "shop.py:6"]
        (review,) = here.pull.reviews
    assert review["state"] == "COMMENTED"
    assert review["commit_id"] == outcome.head
    assert outcome.posted.review == review["id"]
    assert outcome.report is not None
    assert outcome.posted.told == tuple(one.fingerprint for one in outcome.report.findings)


async def test_a_second_run_on_the_same_head_posts_nothing(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        first = await here.review()
        second = await here.review()  # with a file of its own: it knows nothing of the first
        assert len(here.pull.reviews) == 1
        assert len(here.pull.comments) == 2
        assert here.github.count("POST", REVIEWS) == 1
    assert second.posted.review == first.posted.review


async def test_after_a_push_only_new_findings_are_told_and_fixed_ones_are_marked(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        await here.review()
        shop = str(AFTER["shop.py"]).replace("    return eval(user)\n", "    return user.strip()\n")
        here.push({"shop.py": shop, "more.py": "import pickle\n\n\nprint(pickle.loads(input().encode()))\n"})
        second = await here.review()
        shell, eval_, load = here.pull.comments
        assert second.gone == (eval_.id,)
        assert "No longer found" in eval_.body
        assert "No longer found" not in shell.body
        assert (load.path, load.line) == ("more.py", 4)
        body = here.pull.reviews[1]["body"]
        assert body.startswith("**1 finding.** 1 earlier one still open.")
        assert len(set(_fingerprints(here))) == 3
        again = await here.review()  # knows by what stands there which of them this review has told
        assert again.posted.told == second.posted.told == (_fingerprints(here)[2],)

        here.push({"notes.md": "# Notes\n"})
        third = await here.review()
        assert third.posted.note == "nothing new to say"
        assert len(here.pull.reviews) == 2


async def test_what_comes_back_is_told_again(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        await here.review()
        here.push({**BEFORE, "x.md": "x"})
        gone = await here.review()
        assert len(gone.gone) == 2
        here.push(AFTER)
        await here.review()
        assert here.lines() == ["shop.py:5", "shop.py:6"] * 2


async def test_after_a_month_nothing_of_a_review_is_kept(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        asked, clock = here.asked(post=False), VirtualClock()
        async with Engine(":memory:", WORKFLOWS, env=here.env(), clock=clock) as engine:
            instance = await engine.workflow(ReviewPullRequest).create(id=asked.id, params=asked)
            await instance.result()
            kept = [len((await engine.workflow(one).list()).instances) for one in WORKFLOWS]
            await clock.sleep(31 * 86_400)
            left = [len((await engine.workflow(one).list()).instances) for one in WORKFLOWS]
    assert (kept, left) == ([1, 1], [0, 0])


async def test_a_change_without_findings_says_so_once(tmp_path: Path) -> None:
    async with place(tmp_path, BEFORE, {"notes.md": "# Notes\n"}) as here:
        await here.review()
        assert "Nothing found" in here.pull.reviews[0]["body"]
        here.push({"notes.md": "# More notes\n"})
        await here.review()
        assert len(here.pull.reviews) == 1


async def test_dismissed_findings_are_not_told(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        await here.review()
        shell, eval_ = here.pull.comments
        here.hosted.reply(here.pull, shell, "ann", "/dismiss it is our own text", "COLLABORATOR")
        here.hosted.reply(here.pull, eval_, "mallory", "/dismiss", "CONTRIBUTOR")
        here.push({"notes.md": "# Notes\n"})
        outcome = await here.review()
        assert outcome.dismissed == (_fingerprints(here)[0],)
        here.hosted.reply(here.pull, shell, "ann", "/restore", "COLLABORATOR")
        here.push({"notes.md": "# New notes\n"})
        outcome = await here.review()
        assert (outcome.dismissed, outcome.restored) == ((), (_fingerprints(here)[0],))


async def test_dismissals_that_are_handed_in_leave_their_places_to_others(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        found = await here.review(here.asked(post=False))
        assert found.report is not None
        assert here.pull.reviews == []
        first = found.report.findings[0]
        await here.review(here.asked(dismissed=(first.short,)))
        assert here.lines() == ["shop.py:6"]


async def test_a_forged_mark_of_somebody_else_counts_for_nothing(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        head = here.asked().head
        mark = f"<!-- perdure-review run=x head={head} findings= -->"
        here.pull.reviews.append({"id": 7, "body": mark, "user": {"login": "mallory"}})
        await here.review()
        assert len(here.pull.comments) == 2


async def test_many_pages_of_what_was_said_are_read(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.github.page = 4
        for number in range(9):
            here.hosted.say(here.pull, "ann", f"{number}", path="shop.py", line=5, commit=here.asked().head)
        await here.review()
        here.push({"notes.md": "# Notes\n"})
        await here.review()
        assert len(here.pull.comments) == 11


async def test_422_falls_back_to_the_body(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.github.faults = [Fault(422, "POST", REVIEWS, message="Line could not be resolved")]
        outcome = await here.review()
        assert here.pull.comments == []
        (review,) = here.pull.reviews
        assert "shop.py:5" in review["body"]
        assert "shop.py:6" in review["body"]
        assert "Line could not be resolved" in outcome.posted.note
        here.push({"notes.md": "# Notes\n"})  # and its findings are known by the mark in the body
        assert (await here.review()).posted.note == "nothing new to say"


async def test_422_although_it_was_added(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.github.faults = [Fault(422, "POST", REVIEWS, done=True)]
        await here.review()
        assert len(here.pull.reviews) == 1
        assert len(here.pull.comments) == 2


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize(
    ("headers", "message", "least"),
    [
        ({"retry-after": "7200"}, "You have exceeded a secondary rate limit", 7200),
        ({}, "You have exceeded a secondary rate limit", 60),
        (
            {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "32503680000"},
            "API rate limit exceeded",
            604_800,
        ),
    ],
)
async def test_a_limit_is_a_durable_wait(
    tmp_path: Path, status: int, headers: dict[str, str], message: str, least: float
) -> None:
    async with place(tmp_path) as here:
        here.github.faults = [Fault(status, "POST", REVIEWS, headers, message)]
        asked, clock = here.asked(), VirtualClock()
        path = str(tmp_path / "reviews.db")
        async with Engine(path, WORKFLOWS, env=here.env(), clock=clock) as engine:
            began = clock.now()
            instance = await engine.workflow(ReviewPullRequest).create(id=asked.id, params=asked)
            await instance.result()
            assert clock.now() - began >= least
        assert len(here.pull.reviews) == 1
        assert here.github.count("POST", REVIEWS) == 2


@pytest.mark.parametrize("done", [False, True])
async def test_502_is_tried_again_and_never_told_twice(tmp_path: Path, done: bool) -> None:
    async with place(tmp_path) as here:
        here.github.faults = [
            Fault(502, "GET", "/pulls/1"),
            Fault(503, "GET", "/comments", times=2),
            Fault(502, "POST", REVIEWS, done=done),
        ]
        outcome = await here.review()
        (review,) = here.pull.reviews
        assert len(here.pull.comments) == 2
        assert outcome.posted.review == review["id"]  # also that whose answer was lost
        assert list(outcome.posted.told) == _fingerprints(here)
        assert here.github.count("POST", REVIEWS) == (1 if done else 2)


async def test_a_moved_head_is_not_told(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        old = here.asked()
        here.push({"notes.md": "# Notes\n"})
        outcome = await here.review(old)
        assert outcome.stopped.startswith("its head has moved to ")
        assert here.pull.reviews == []


async def test_a_head_that_moves_during_the_review_is_not_told(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        asked = here.asked()
        async with Engine(":memory:", WORKFLOWS, env=here.env(), clock=VirtualClock()) as engine:
            instance = await engine.workflow(ReviewPullRequest).create(id=asked.id, params=asked)
            async for event in instance.subscribe():
                if event.type == "child_started":
                    here.push({"notes.md": "# Notes\n"})
            outcome = await instance.result()
        assert isinstance(outcome, PullOutcome)
        assert outcome.posted.stopped
        assert here.pull.reviews == []


async def test_a_closed_pull_request_is_left_alone(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        here.pull.state = "closed"
        assert (await here.review()).stopped == "it is closed"


async def test_a_wrong_token_ends_it_and_is_told_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with place(tmp_path) as here:
        caplog.set_level(logging.DEBUG)
        here.github.token = "another-token-of-the-bot"
        asked, env = here.asked(), here.env()
        here.github.token = "yet-another"
        path = tmp_path / "reviews.db"
        async with Engine(str(path), WORKFLOWS, env=env) as engine:
            instance = await engine.workflow(ReviewPullRequest).create(id=asked.id, params=asked)
            with pytest.raises(WorkflowFailed, match=r"401.*check GITHUB_TOKEN"):
                await instance.result()
    assert "another-token" not in repr(env) + str(env.site) + caplog.text
    assert _holding(tmp_path, "another-token") == []


async def test_a_working_token_is_kept_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with place(tmp_path) as here:
        caplog.set_level(logging.DEBUG)
        await here.review(path=str(tmp_path / "reviews.db"))
        assert here.github.token not in caplog.text
    assert any("mirrors" in one.parts for one in _holding(tmp_path, ""))
    assert _holding(tmp_path, here.github.token) == []
