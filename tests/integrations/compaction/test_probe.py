"""What comes through of planted facts; the tables of the guide are those of this run."""

from pathlib import Path

import pytest

from tests.integrations.compaction.probe.sessions import KINDS
from tests.integrations.compaction.probe.strategies import TIMES
from tests.integrations.compaction.probe.table import SETTINGS, Measured, Wanted, measured

pytestmark = pytest.mark.anyio

GUIDE = Path(__file__).parents[3] / "docs" / "compaction.md"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """For all tests of this file, which share one run."""
    return "asyncio"


@pytest.fixture(scope="module")
async def run(anyio_backend: str) -> Measured:
    return await measured()


def test_what_the_program_carries_comes_through_whole(run: Measured) -> None:
    for times in TIMES:
        assert run.share("tiered", times, Wanted(kinds=KINDS[:3])) == 1.0


def test_the_prompt_reaches_its_target_with_one_request_each(run: Measured) -> None:
    goal = SETTINGS.room(0).goal
    for times in TIMES:
        assert max(one.tokens for one in run.kept if (one.strategy, one.times) == ("tiered", times)) <= goal
        assert run.requests(times) == times * len(run.paid)


def test_what_nothing_was_done_to_is_whole_and_what_was_dropped_is_gone(run: Measured) -> None:
    assert run.share("none", 5, Wanted()) == 1.0
    assert run.share("drop", 5, Wanted()) == 0.0


def test_the_summary_keeps_more_than_dropping_does(run: Measured) -> None:
    for times in TIMES:
        wanted = Wanted(kinds=KINDS[3:])
        assert run.share("tiered", times, wanted) > run.share("drop", times, wanted)


def test_the_guide_shows_these_tables(run: Measured) -> None:
    for table in run.tables().strip().split("\n\n"):
        assert table in GUIDE.read_text(encoding="utf-8"), f"put this into {GUIDE.name}:\n{table}"
