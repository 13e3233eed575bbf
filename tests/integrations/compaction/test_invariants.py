"""The promises of compaction, for any history and any budget; the numbers are those of the design."""

import json
import re
from typing import TypeAlias

from hypothesis import assume, given
from hypothesis import strategies as st

from integrations.compaction import Compacted, FellShort, Message, Reason, Unchanged, read_history
from integrations.compaction.units import flat, group
from tests.integrations.compaction.driving import Driver, compactions, is_summary, prefixes, shown, tokens
from tests.integrations.compaction.histories import histories, legal_histories
from tests.integrations.compaction.wire_rules import complaint

Case: TypeAlias = tuple[list[Message], Driver]


@given(compactions(histories))
def test_c1_every_result_follows_its_call_also_after_five_compactions(case: Case) -> None:
    history, driver = case
    for grown in prefixes(history):
        assert complaint(driver.compact(grown).messages) is None


@given(compactions(legal_histories))
def test_c2_below_the_threshold_nothing_changes(case: Case) -> None:
    history, driver = case
    room = driver.settings.room(driver.overhead)
    assume(tokens(history) < room.threshold)
    outcome = driver.compact(history)
    assert isinstance(outcome, Unchanged)
    assert outcome.reason is Reason.BELOW_THRESHOLD
    assert [json.dumps(m.wire()) for m in outcome.messages] == [json.dumps(m.wire()) for m in history]


@given(compactions(legal_histories), st.data())
def test_c3_what_is_pinned_stays_verbatim(case: Case, data: st.DataObject) -> None:
    history, driver = case
    if history:
        driver.pinned = tuple(data.draw(st.lists(st.sampled_from([m.id for m in history]), max_size=2)))
    for grown in prefixes(history):
        ids = {message.id for message in grown}
        driver.pinned = tuple(id_ for id_ in driver.pinned if id_ in ids)
        sent = driver.compact(grown).messages
        assert [m for m in grown if m.id in driver.pinned and m not in sent] == []
        assert [m for m in grown if m.role in ("system", "developer") and m not in sent] == []
        requests = [m for m in grown if m.role == "user" and (m.text or not m.answers)]
        task = requests[:1] if driver.settings.pin_task else []
        assert [m for m in task + requests[-1:] if m not in sent] == []


@given(compactions(histories))
def test_c4_order_is_kept_and_nothing_is_invented(case: Case) -> None:
    history, driver = case
    for grown in prefixes(history):
        sent = [message.id for message in driver.compact(grown).messages if not is_summary(message)]
        mended = iter(message.id for message in flat(group(grown)))
        assert all(id_ in mended for id_ in sent)


@given(legal_histories)
def test_c4_a_legal_history_is_not_mended(history: list[Message]) -> None:
    assert flat(group(history)) == tuple(history)


@given(compactions(histories))
def test_c5_the_target_is_reached_or_the_failure_has_a_type(case: Case) -> None:
    history, driver = case
    for grown in prefixes(history):
        before = tokens(shown(grown, driver.overlay))
        room = driver.settings.room(driver.overhead)
        outcome = driver.compact(grown)
        assert outcome.tokens == tokens(outcome.messages) <= before
        match outcome:
            case Unchanged(reason=Reason.BELOW_THRESHOLD):
                assert outcome.tokens < room.threshold
            case Compacted():
                assert outcome.tokens <= room.goal
            case FellShort() if not driver.ineffective:
                assert room.goal < outcome.tokens <= room.limit


@given(compactions(histories))
def test_c6_without_new_messages_a_second_compaction_changes_nothing(case: Case) -> None:
    history, driver = case
    for grown in prefixes(history):
        first = driver.compact(grown)
        failed, paid = driver.ineffective, len(driver.requests)
        second = driver.compact(grown)
        assert second.messages == first.messages
        assert driver.ineffective == failed
        assert len(driver.requests) == paid


@given(compactions(histories))
def test_c7_no_summary_is_paid_for_nothing(case: Case) -> None:
    history, driver = case
    for grown in prefixes(history):
        before, paid = tokens(shown(grown, driver.overlay)), len(driver.requests)
        outcome = driver.compact(grown)
        assert len(driver.requests) <= paid + 1
        if len(driver.requests) > paid and outcome.overlay.strikes == 0:
            assert outcome.tokens <= before * (1 - driver.settings.min_gain) + 1
        assert outcome.overlay.strikes <= driver.settings.strikes or driver.requests == driver.requests[:paid]


@given(compactions(histories))
def test_c8_every_shortened_result_can_be_read_again(case: Case) -> None:
    history, driver = case
    originals = {message.id: message.model_copy(deep=True) for message in history}
    for grown in prefixes(history):
        outcome = driver.compact(grown)
        sent = {message.id: message for message in outcome.messages}
        for id_ in outcome.overlay.stubs:
            handles = set(re.findall(r"shortened; handle (\w+)\]", str(sent[id_].wire())))
            assert [read_history(grown, handle) for handle in handles] == [originals[id_]]
    assert history == list(originals.values())


@given(compactions(histories), histories)
def test_c11_messages_that_arrive_meanwhile_stay(case: Case, later: list[Message]) -> None:
    history, driver = case
    driver.compact(history)
    arrived = [message.model_copy(update={"id": f"later-{message.id}"}) for message in later]
    sent = shown([*history, *arrived], driver.overlay)
    units = group([*history, *arrived])
    assert [m for m in flat(units) if m.id.startswith("later-") and m not in sent] == []
    behind = flat([unit for unit in units if unit.id.startswith("later-")])
    assert sent[len(sent) - len(behind) :] == behind


@given(compactions(histories))
def test_c12_text_beside_a_result_keeps_its_place(case: Case) -> None:
    history, driver = case
    mended = {message.id: message for message in flat(group(history))}
    for message in driver.compact(history).messages:
        if not is_summary(message):
            assert message.answers == mended[message.id].answers
            assert message.text == mended[message.id].text


@given(compactions(histories))
def test_the_same_input_gives_the_same_plan(case: Case) -> None:
    history, driver = case
    twin = Driver(driver.settings, driver.summariser, driver.overhead)
    for grown in prefixes(history):
        assert driver.compact(grown) == twin.compact(list(grown))
    assert driver.requests == twin.requests
