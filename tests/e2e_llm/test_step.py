"""A model step: paid once, however the process ends; and what the model says of itself is real."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from integrations.llm import LLM, ContextOverflow, Request
from integrations.llm.request import messages_of
from tests.e2e_llm.conftest import Small
from tests.integrations.nursery import Nursery

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


async def test_an_answer_that_was_recorded_is_not_paid_again(small: Small, tmp_path: Path) -> None:
    before = small.door.asked
    async with Nursery("tests.e2e_llm.asking") as nursery:
        life = await nursery.fork(str(tmp_path / "1.db"), small.url, "stay")
        first = await life.next("answered")
        life.kill()
        await life.ended()
        life = await nursery.fork(str(tmp_path / "1.db"), small.url, "go on")
        lines = await life.ended()
    assert small.door.asked - before == 1
    assert first in lines
    [used] = [line for line in lines if line.startswith("used")]
    tokens_in, tokens_out, model = used.split()[1:]
    assert 10 < int(tokens_in) < 200
    assert 0 < int(tokens_out) <= 24
    assert model == "small"


async def test_what_does_not_fit_is_an_overflow_with_its_numbers(small: Small) -> None:
    request = Request(model="small", messages=messages_of("word " * small.tokens))
    async with LLM("small", base_url=small.url) as llm:
        with pytest.raises(ContextOverflow, match=rf"\(\d+ tokens\) .* \({small.tokens} tokens\)") as caught:
            await llm.attempt(request)
    [needed, window] = map(int, re.findall(r"\((\d+) tokens\)", str(caught.value)))
    assert needed > window == small.tokens
