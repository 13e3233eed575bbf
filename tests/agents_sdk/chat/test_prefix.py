"""An answer that is made again: what was shown is not said twice, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents_sdk.chat.prefix import Prefix, Verdict
from agents_sdk.chat.shapes import Chunk

START: Chunk = {"type": "start", "messageId": "m"}
AGAIN: Chunk = {"type": "start", "messageId": "other"}
STEP, STEPPED, FINISH = ({"type": type} for type in ("start-step", "finish-step", "finish"))
UNKNOWN, REPEATS, DIFFERS = Verdict.UNKNOWN, Verdict.REPEATS, Verdict.DIFFERS


def begin(id: str = "t1", kind: str = "text") -> Chunk:
    return {"type": f"{kind}-start", "id": id}


def say(words: str, id: str = "t1", kind: str = "text") -> Chunk:
    return {"type": f"{kind}-delta", "id": id, "delta": words}


def end(id: str = "t1", kind: str = "text") -> Chunk:
    return {"type": f"{kind}-end", "id": id}


def tool(step: str, id: str = "c1", **more: Any) -> Chunk:
    named = {"toolName": "look"} if step in ("input-start", "input-available") else {}
    return {"type": f"tool-{step}", "toolCallId": id, **named, **more}


def fed(shown: Iterable[Chunk], chunks: Iterable[Chunk]) -> list[Verdict]:
    prefix = Prefix(shown)
    verdicts: list[Verdict] = []
    for chunk in chunks:
        verdicts.append(prefix.feed(chunk))
        assert prefix.verdict is verdicts[-1]
    return [*verdicts, prefix.end()]


HALF = [START, STEP, begin(), say("w0 "), say("w1 ")]


@pytest.mark.parametrize(
    ("again", "verdict"),
    [
        pytest.param(
            [AGAIN, STEP, begin("x"), say("w0 w1 w2", "x"), end("x"), STEPPED, FINISH],
            REPEATS,
            id="it goes on in the same piece",
        ),
        pytest.param(
            [AGAIN, STEP, begin(), say("w0"), say(" w1 "), say(""), say("w2"), end()],
            REPEATS,
            id="it goes on in the next piece",
        ),
        pytest.param(
            [AGAIN, STEP, begin(), say("w0 w1 "), end(), begin("t2"), say("x", "t2")],
            REPEATS,
            id="the text was whole",
        ),
        pytest.param([AGAIN, STEP, begin(), say("w0 w1 ")], REPEATS, id="nothing new"),
        pytest.param([AGAIN, STEP, begin(), say("w0 ")], DIFFERS, id="it ends earlier"),
        pytest.param([AGAIN], DIFFERS, id="it ends at once"),
        pytest.param([AGAIN, STEP, begin(), say("w0 x")], DIFFERS, id="another word"),
        pytest.param([AGAIN, STEP, begin(), say("w0 "), end()], DIFFERS, id="the text ends earlier"),
        pytest.param([AGAIN, begin(), say("w0 w1 w2")], DIFFERS, id="no step"),
        pytest.param(
            [AGAIN, STEP, begin(kind="reasoning"), say("w0 w1 w2", kind="reasoning")],
            DIFFERS,
            id="a thought, and no word",
        ),
        pytest.param([AGAIN, STEP, tool("input-start")], DIFFERS, id="a tool, and no word"),
        pytest.param(
            [AGAIN | {"messageMetadata": {"at": 2}}, STEP, begin(), say("w0 w1 w2")],
            REPEATS,
            id="metadata is news",
        ),
        pytest.param(
            [AGAIN, {"type": "data-busy", "data": 1, "transient": True}, STEP, begin(), say("w0 w1 w2")],
            REPEATS,
            id="what passes is no difference",
        ),
    ],
)
def test_half_a_text(again: list[Chunk], verdict: Verdict) -> None:
    verdicts = fed(HALF, again)
    assert verdicts[0] is UNKNOWN
    assert verdicts[-1] is verdict


def test_it_is_known_with_the_first_word_that_is_new() -> None:
    prefix = Prefix(HALF)
    for chunk in (AGAIN, STEP, begin(), say("w0 "), say("w1 ")):
        assert prefix.feed(chunk) is UNKNOWN
    assert prefix.feed(say("w2")) is REPEATS
    assert prefix.end() is REPEATS


def test_what_differs_once_stays_different() -> None:
    prefix = Prefix(HALF)
    assert prefix.feed(STEP) is DIFFERS
    assert prefix.feed(AGAIN) is DIFFERS
    assert prefix.end() is DIFFERS


CALLED = [START, STEP, tool("input-start"), tool("input-delta", inputTextDelta='{"at"')]
WHOLE = tool("input-available", input={"at": 1})


def test_a_call_repeats_under_another_id() -> None:
    again = [
        AGAIN,
        STEP,
        tool("input-start", "x"),
        tool("input-delta", "x", inputTextDelta='{"at": 1'),
        tool("input-delta", "x", inputTextDelta="}"),
        tool("input-available", "x", input={"at": 1}),
        tool("output-available", "x", output=2),
        tool("input-start", "y"),
        tool("input-delta", "y", inputTextDelta="{}"),
    ]
    assert fed(CALLED, again) == [UNKNOWN] * 3 + [REPEATS] * 7


@pytest.mark.parametrize(
    "last",
    [
        tool("output-available", "x", output=3),
        tool("output-error", "x", errorText="dark"),
        tool("output-available", "y", output=2),
    ],
)
def test_a_tool_that_gives_something_else(last: Chunk) -> None:
    shown = [WHOLE, tool("input-available", "c2", input={}), tool("output-available", output=2), FINISH]
    again = [tool("input-available", "x", input={"at": 1}), tool("input-available", "y", input={})]
    assert fed(shown, [*again, last]) == [UNKNOWN, UNKNOWN, DIFFERS, DIFFERS]


def test_a_text_that_was_whole_is_not_longer_now() -> None:
    assert fed([begin(), say("a"), end(), FINISH], [begin(), say("ab")]) == [UNKNOWN, DIFFERS, DIFFERS]


def test_a_thought_and_a_word_may_have_the_same_id() -> None:
    def both(thought: str, word: str, more: str) -> list[Chunk]:
        said = [say("1", thought, "reasoning"), say("2", word), say(more, thought, "reasoning")]
        return [begin(thought, "reasoning"), begin(word), *said]

    assert fed(both("a", "b", "3"), both("0", "0", "34"))[-2:] == [REPEATS, REPEATS]


def test_ids_of_texts_may_come_again() -> None:
    shown = [begin("a"), say("1", "a"), end("a"), begin("b"), say("2", "b")]
    again = [begin("0"), say("1", "0"), end("0"), begin("0"), say("23", "0"), end("0")]
    assert fed(shown, again)[-3:] == [REPEATS, REPEATS, REPEATS]


def test_data_are_compared_as_they_are() -> None:
    shown: list[Chunk] = [{"type": "data-x", "id": "d", "data": 1}, FINISH]
    assert fed(shown, [{"type": "data-x", "id": "e", "data": 1}])[-1] is DIFFERS
    assert fed(shown, [{"type": "data-x", "id": "d", "data": 2}])[-1] is DIFFERS
    assert fed(shown, [*shown, STEP]) == [UNKNOWN, UNKNOWN, REPEATS, REPEATS]


def test_what_a_provider_says_of_a_text_is_no_difference() -> None:
    signed = end("t1", "reasoning") | {"providerMetadata": {"a": {"signature": "1"}}}
    again = signed | {"providerMetadata": {"a": {"signature": "2"}}}
    shown = [begin(kind="reasoning"), say("hm", kind="reasoning"), signed]
    assert fed(shown, [*shown[:2], again, FINISH])[2:] == [UNKNOWN, REPEATS, REPEATS]
    assert fed(shown[:2], [*shown[:2], again])[1:] == [UNKNOWN, REPEATS, REPEATS]


WORDS = st.text("ab", min_size=1, max_size=6)
TEXTS = st.tuples(st.sampled_from(["text", "reasoning"]), WORDS)
CALLS = st.tuples(st.just("call"), WORDS)
ANSWERS = st.lists(TEXTS | CALLS | st.just(("step", "")) | st.just(("data", "x")), min_size=1, max_size=6)


def spoken(answer: list[tuple[str, str]], draw: Any, ids: str) -> list[Chunk]:
    """The answer in pieces as `draw` cuts it, with ids of its own."""
    chunks: list[Chunk] = [{"type": "start", "messageId": ids}]
    for number, (kind, words) in enumerate(answer):
        cut = draw(st.integers(0, len(words)))
        pieces = [piece for piece in (words[:cut], words[cut:]) if piece]
        id = f"{ids}{number}"
        if kind == "step":
            chunks.append(STEP)
        elif kind == "data":
            chunks.append({"type": "data-x", "data": words})
        elif kind == "call":
            chunks.append(tool("input-start", id))
            chunks += [tool("input-delta", id, inputTextDelta=piece) for piece in pieces]
            chunks += [
                tool("input-available", id, input={"of": words}),
                tool("output-available", id, output=1),
            ]
        else:
            chunks += [begin(id, kind), *(say(piece, id, kind) for piece in pieces), end(id, kind)]
    return [*chunks, FINISH]


@given(ANSWERS, st.data())
def test_the_same_answer_repeats_however_it_is_cut(answer: list[tuple[str, str]], data: Any) -> None:
    first, again = spoken(answer, data.draw, "a"), spoken(answer, data.draw, "b")
    shown = first[: data.draw(st.integers(1, len(first)))]
    verdicts = fed(shown, again)
    assert DIFFERS not in verdicts
    assert verdicts[-1] is REPEATS


@given(ANSWERS, ANSWERS, st.data())
def test_an_answer_repeats_only_what_it_says_too(
    answer: list[tuple[str, str]], other: list[tuple[str, str]], data: Any
) -> None:
    first, again = spoken(answer, data.draw, "a"), spoken(other, data.draw, "b")
    shown = first[: data.draw(st.integers(1, len(first)))]
    if fed(shown, again)[-1] is REPEATS:
        assert said(again).startswith(said(shown))


def said(chunks: Iterable[Chunk]) -> str:
    """All text of an answer, in the order in which it came."""
    return "".join(chunk.get("delta", "") for chunk in chunks)
