"""A pull request is reviewed, and told once, whatever GitHub does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integrations.github.hosting import place

pytestmark = pytest.mark.anyio


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
