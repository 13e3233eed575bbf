"""Sessions of many compactions: what has to come through, and what happens when the summariser is away."""

from collections.abc import Iterator

from integrations.compaction import (
    Carried,
    Compacted,
    Compaction,
    Message,
    Rule,
    Summary,
    SummaryRequest,
    from_wire,
)
from tests.integrations.compaction.driving import Driver, fixed, tokens
from tests.integrations.compaction.histories import Wire, calling, result, said, talk

SETTINGS = Compaction(
    window=5_000, reserve=1_000, tail=400, file_tools={"read": "read", "write": "changed"}
)  # room 4,000, due at 3,000, to reach 1,600
RULES = (
    Rule(text="Never push to main.", message_id="m1"),
    Rule(text="Antworte auf Deutsch, ohne „Sie“.", message_id="m1"),
)


def session(turns: int) -> list[Message]:
    """An agent at work: a request, then one call after the other."""

    def wires() -> Iterator[Wire]:
        yield said("system", "You work on a repository.")
        yield said("user", "Fix the build. Never push to main. Antworte auf Deutsch, ohne „Sie“.")
        for turn in range(turns):
            yield calling([f"f{turn}"], ["write" if turn % 4 == 0 else "read"])
            yield result(f"f{turn}", "output\n" * 200)
            yield said("assistant", f"Step {turn} is done. " + "It went well. " * 10)

    return from_wire(wires())


def compacted(driver: Driver, history: list[Message]) -> list[Compacted]:
    """Compact after every message; what was compacted."""
    outcomes = [driver.compact(history[:end]) for end in range(1, len(history) + 1)]
    return [outcome for outcome in outcomes if isinstance(outcome, Compacted)]


def test_rules_and_files_come_through_every_compaction() -> None:
    driver = Driver(SETTINGS, fixed("The model forgot all of it."), carried=Carried(rules=RULES))
    outcomes = compacted(driver, session(120))
    assert len(driver.requests) >= 5
    summary = next(message for message in outcomes[-1].messages if message.id.startswith("summary~"))
    assert [rule.text for rule in RULES if rule.text not in summary.text] == []
    covered = int(str(outcomes[-1].overlay.to_id)[1:]) // 3
    assert [path for turn in range(covered) if (path := f"f{turn}.py") not in summary.text] == []


def test_a_long_session_does_not_compact_all_the_time() -> None:
    driver = Driver(SETTINGS, fixed("Short."))
    history = session(120)
    outcomes = compacted(driver, history)
    assert 2 <= len(outcomes) <= tokens(history) / (3_000 - 1_600)
    assert not driver.ineffective


def test_what_could_not_be_summarised_is_quoted_and_summarised_later() -> None:
    answers: list[Summary | None] = [Summary(text="First."), None, Summary(text="All of it.")]
    driver = Driver(Compaction(window=3_000, reserve=1_000, tail=300), lambda request: answers.pop(0))
    first = driver.compact(from_wire(talk(10))).overlay
    failed = driver.compact(from_wire(talk(20))).overlay
    healed = driver.compact(from_wire(talk(30))).overlay
    assert (first.fallback, failed.fallback, healed.fallback) == (False, True, False)
    assert failed.summary == "First."
    assert "could not be summarised" in failed.text()
    assert "- 18 word" in failed.text()
    assert failed.failure == "the summary is empty"
    assert [f"[user] {turn} word" in driver.requests[2].material for turn in (10, 19, 28)] == [True] * 3
    assert "First." in driver.requests[2].material
    assert (healed.summary, healed.digest, healed.failure) == ("All of it.", "", "")


def test_a_fallback_without_a_word_of_the_user_says_that_something_is_missing() -> None:
    driver = Driver(SETTINGS, lambda request: None)
    outcomes = compacted(driver, session(40))
    assert "could not be summarised" in outcomes[-1].overlay.text()


def test_a_summary_in_many_words_is_cut_to_its_room() -> None:
    def rambling(request: SummaryRequest) -> Summary:
        return Summary(text="And then. " * 10 * request.max_tokens)

    outcomes = compacted(Driver(SETTINGS, rambling), session(60))
    assert len(outcomes) >= 2
    assert max(outcome.tokens for outcome in outcomes) <= 1_600
