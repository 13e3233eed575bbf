"""Corrections and larger limits, in one attempt."""

from __future__ import annotations

import pytest

from integrations.llm import InvalidOutput, RateLimited, TruncatedOutput, Usage
from integrations.llm.testing import ErrorReply, Reply
from tests.integrations.llm.asking import FINDING, Finding, ask

pytestmark = pytest.mark.anyio

ONE = Usage(input=10, output=5)
CUT = Reply('{"path": "a.p', finish_reason="length", usage=ONE)


async def test_an_answer_that_does_not_fit_is_corrected_once() -> None:
    told = await ask(['{"path": "a.py"}', FINDING], response_format=Finding)
    assert told.completion.parsed == Finding(path="a.py", line=3)
    assert told.completion.usage == ONE + ONE
    assert told.completion.requests == 2
    assert told.asked[1].body["messages"][1] == {"role": "assistant", "content": '{"path": "a.py"}'}
    assert "line: Field required" in told.asked[1].said


async def test_a_second_misfit_fails() -> None:
    with pytest.raises(InvalidOutput, match=r"m gave no Finding.*line: Input should.*20 tokens in, 10 out"):
        await ask(["none", '{"path": "", "line": "x"}', FINDING], response_format=Finding)


async def test_a_truncated_answer_gets_a_larger_limit_once() -> None:
    told = await ask([CUT, FINDING], response_format=Finding, max_tokens=2_000)
    assert [asked.body["max_tokens"] for asked in told.asked] == [2_000, 8_000]
    assert told.completion.usage == ONE + ONE
    assert told.asked[0].body["messages"] == told.asked[1].body["messages"]


async def test_without_a_limit_a_generous_one_is_tried() -> None:
    told = await ask([CUT, FINDING], response_format=Finding)
    assert [asked.body.get("max_tokens") for asked in told.asked] == [None, 4_096]


async def test_a_second_truncation_fails() -> None:
    with pytest.raises(TruncatedOutput, match=r"in 8,000 tokens \(20 tokens in, 10 out\); raise max_tokens"):
        await ask([CUT, CUT, FINDING], response_format=Finding, max_tokens=2_000)


async def test_a_complete_value_in_a_truncated_answer_is_not_trusted() -> None:
    reply = Reply('[{"path": "a.py", "line": 3}, {"pa', finish_reason="length")
    assert (await ask([reply, FINDING], response_format=Finding)).completion.requests == 2


async def test_truncated_and_then_misfit() -> None:
    told = await ask([CUT, "no idea", FINDING], response_format=Finding)
    assert told.completion.requests == 3


async def test_a_fault_during_a_correction_is_judged_like_any() -> None:
    with pytest.raises(RateLimited):
        await ask(["no idea", ErrorReply(429)], response_format=Finding)
