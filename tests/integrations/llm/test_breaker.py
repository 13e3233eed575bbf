"""A key that cannot pay is left alone for a minute."""

from __future__ import annotations

import pytest

from integrations.llm import LLM, QuotaError, Request
from integrations.llm.testing import ErrorReply, ScriptedModel

BROKE = ErrorReply(429, code="insufficient_quota", message="no credit")
QUESTION = Request(model="m", messages=({"role": "user", "content": "?"},))


@pytest.mark.anyio
async def test_siblings_do_not_hammer() -> None:
    now = [0.0]
    async with (
        ScriptedModel([BROKE, "paid"]) as model,
        LLM("m", base_url=model.url, now=lambda: now[0]) as llm,
    ):
        with pytest.raises(QuotaError, match="check the plan"):
            await llm.attempt(QUESTION)
        now[0] = 59.0
        with pytest.raises(QuotaError, match=r"no credit.*not asked again for 60 seconds"):
            await llm.attempt(QUESTION)
        assert len(model.asked) == 1
        now[0] = 61.0
        assert (await llm.attempt(QUESTION)).text == "paid"


@pytest.mark.anyio
async def test_all_that_ask_with_the_key_leave_it_alone() -> None:
    async with (
        ScriptedModel([BROKE, "another key"]) as model,
        LLM("m", base_url=model.url, api_key="one") as llm,
        LLM("n", base_url=model.url, api_key="one") as sibling,
        LLM("m", base_url=model.url, api_key="two") as stranger,
    ):
        with pytest.raises(QuotaError, match="check the plan"):
            await llm.attempt(QUESTION)
        with pytest.raises(QuotaError, match="not asked again"):
            await sibling.attempt(QUESTION)
        assert (await stranger.attempt(QUESTION)).text == "another key"
