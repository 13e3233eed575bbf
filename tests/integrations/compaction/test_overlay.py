"""An overlay is of the messages that it was made for; only the oldest of them may be gone."""

import pytest

from integrations.compaction import Compacted, Compaction, Message, Overlay, from_wire, plan
from integrations.compaction.overlay import view
from integrations.compaction.units import group
from tests.integrations.compaction.driving import Driver, fixed
from tests.integrations.compaction.histories import Wire, calling, count, result, said, talk

SETTINGS = Compaction(window=3_000, reserve=1_000, tail=300, counter=count, file_tools={"read": "read"})


def compacted(wires: list[Wire]) -> tuple[list[Message], Overlay]:
    history = from_wire(wires)
    outcome = Driver(SETTINGS, fixed("What was said.")).compact(history)
    assert isinstance(outcome, Compacted)
    return history, outcome.overlay


HISTORY, OVERLAY = compacted(
    [said("system", "Be brief."), *talk(5), calling(["a"], ["read"]), result("a", "word " * 100), *talk(5)]
)
COVERED = range(2, 21)  # of the history: behind the instructions and the task


def test_it_covers_what_it_is_said_to_cover() -> None:
    assert (OVERLAY.from_id, OVERLAY.to_id) == (HISTORY[COVERED[0]].id, HISTORY[COVERED[-1]].id)
    assert len(OVERLAY.covered) == len(COVERED) - 1, "one for each unit"


@pytest.mark.parametrize("gone", [0, 1, 2, 3, 10, len(COVERED)])
def test_the_oldest_messages_may_be_gone(gone: int) -> None:
    left = [HISTORY[0], *HISTORY[1 + gone :]]
    assert OVERLAY.fits(group(left))
    shown = [message.id for message in view(group(left), OVERLAY)]
    task = [] if gone else ["m2"]
    assert shown == ["m1", *task, f"summary~{OVERLAY.to_id}", *(one.id for one in HISTORY[COVERED[-1] + 1 :])]
    assert "a.py" in next(one.text for one in view(group(left), OVERLAY) if "~" in one.id), "its ledger, too"


def test_without_any_message_that_it_covers_it_is_of_nothing() -> None:
    assert not OVERLAY.fits(group([HISTORY[0], *HISTORY[COVERED[-1] + 1 :]]))
    assert not OVERLAY.fits(())
    assert Overlay().fits(())


@pytest.mark.parametrize("place", [COVERED[0], COVERED[7], COVERED[-1]])
def test_a_message_that_was_changed_is_seen(place: int) -> None:
    changed = [*HISTORY]
    changed[place] = changed[place].model_copy(update={"content": "something else"})
    assert not OVERLAY.fits(group(changed))
    with pytest.raises(
        ValueError, match="have changed since the overlay was made: compact this history without"
    ):
        plan(changed, settings=SETTINGS, overlay=OVERLAY)


def test_a_message_that_was_taken_out_or_put_in_is_seen() -> None:
    without = [*HISTORY[: COVERED[5]], *HISTORY[COVERED[5] + 1 :]]
    assert not OVERLAY.fits(group(without))
    more = Message(id="new", role="user", content="I was here")
    assert not OVERLAY.fits(group([*HISTORY[: COVERED[5]], more, *HISTORY[COVERED[5] :]]))
    cut_off = HISTORY[: COVERED[-1]]
    assert not OVERLAY.fits(group(cut_off))


def test_what_stands_outside_of_it_may_change() -> None:
    changed = [*HISTORY]
    changed[1] = changed[1].model_copy(update={"content": "another task"})
    changed[-1] = changed[-1].model_copy(update={"content": "another answer"})
    assert OVERLAY.fits(group(changed))


def test_files_of_messages_that_are_gone_stay_in_the_ledger() -> None:
    driver = Driver(SETTINGS, fixed("More was said."), overlay=OVERLAY)
    left = [HISTORY[0], *HISTORY[COVERED[-1] :]]
    outcome = driver.compact([*left, *from_wire([{"id": f"n{n}", **one} for n, one in enumerate(talk(8))])])
    assert isinstance(outcome, Compacted)
    assert outcome.overlay.ledger.read == ("a.py",)
    assert "a.py" in outcome.overlay.text()
