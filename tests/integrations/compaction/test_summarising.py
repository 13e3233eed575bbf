"""A summariser whose window is smaller than what it is to summarise: parts, and their merger."""

import pytest

from integrations.compaction import Compaction, Plan, Summary, SummaryRequest, commit, from_wire, plan
from integrations.compaction.summarising import summarised
from integrations.llm import ContextOverflow, Usage
from tests.integrations.compaction.driving import Driver, fixed
from tests.integrations.compaction.histories import count, said, talk

pytestmark = pytest.mark.anyio

SETTINGS = Compaction(window=40_000, reserve=10_000, tail=1_000, counter=count)


class Narrow:
    """Summarises by naming the questions that it is given; its window takes so many tokens."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.refused: list[str] = []
        self.asked: dict[str, SummaryRequest] = {}

    async def __call__(self, name: str, request: SummaryRequest) -> Summary:
        assert name not in self.asked, "a name is used once"
        if count(request.instructions) + count(request.material) > self.window:
            self.refused.append(name)
            raise ContextOverflow("too long")
        self.asked[name] = request
        lines = [line for line in request.material.splitlines() if line.startswith(("[user] ", "saw "))]
        text = "\n".join(f"saw {line.split()[1]}" for line in lines)
        return Summary(text=text, usage=Usage(input=100, output=1))


def planned(turns: int, **options: object) -> Plan:
    made = plan(from_wire(talk(turns, 600)), settings=SETTINGS, **options)  # type: ignore[arg-type]
    assert isinstance(made, Plan)
    return made


async def test_one_request_is_enough_where_it_fits() -> None:
    model = Narrow(40_000)
    made = planned(45)
    summary = await summarised(made, model)
    assert list(model.asked) == [made.hash[:12]]
    assert summary.usage.input == 100


@pytest.mark.parametrize("window", [14_000, 7_000, 4_000, 2_500])
async def test_a_narrow_window_is_given_parts_of_which_nothing_is_lost(window: int) -> None:
    model = Narrow(window)
    made = planned(45)
    summary = await summarised(made, model)
    covered = [
        unit.messages[0].text.split()[0] for unit in made.shape.fresh if unit.messages[0].role == "user"
    ]
    assert len(covered) > 35
    assert summary.text.splitlines() == [f"saw {number}" for number in covered]
    assert 1 <= len(model.refused) < len(model.asked)
    assert summary.usage.input == 100 * len(model.asked), "all that was paid"
    assert not commit(made, summary).overlay.fallback


async def test_the_merger_updates_the_summary_before() -> None:
    driver = Driver(SETTINGS, fixed("Before all that."))
    driver.compact(from_wire(talk(45, 600)))
    model = Narrow(6_000)
    await summarised(planned(90, overlay=driver.overlay), model)
    with_it = [name for name, request in model.asked.items() if "Before all that." in request.material]
    assert [name.partition(" ")[2] for name in with_it] == ["merged"]


async def test_one_message_that_is_too_long_is_cut_shorter() -> None:
    history = from_wire([said("user", "go"), said("assistant", "word " * 20_000), *talk(2, 100)])
    made = plan(history, settings=SETTINGS)
    assert isinstance(made, Plan)
    model = Narrow(3_000)
    await summarised(made, model)
    assert len(model.asked) == 1


async def test_a_model_that_takes_nothing_is_given_up() -> None:
    model = Narrow(0)
    with pytest.raises(ContextOverflow):
        await summarised(planned(45), model)
    assert len(model.refused) <= 7
