"""C10: no text of a credential is in a summary request, wherever it stood, also where texts are cut."""

import asyncio
import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.compaction import Compaction, Overlay, Plan, from_wire, plan, redacted, summarise_with
from integrations.compaction.summary import merge_request
from integrations.llm import LLM
from integrations.llm.testing import ScriptedModel
from tests.integrations.compaction.histories import Wire, count, result, said, talk

PLACES = ["user", "assistant", "result", "arguments"]
KEYS = [
    "sk-proj-" + secrets.token_hex(20),
    "ghp_" + secrets.token_hex(18),
    "AKIA" + "QWERTZUI23456723",
    "npm_" + secrets.token_hex(18),
]
PIECE = 8
"""So many characters of a key are too many."""


def holding(place: str, text: str) -> list[Wire]:
    match place:
        case "arguments":
            function = {"name": "write", "arguments": f'{{"text": "{text}"}}'}
            call = {"id": "c", "type": "function", "function": function}
            return [{"role": "assistant", "content": None, "tool_calls": [call]}, result("c", "ok")]
        case "result":
            function = {"name": "read", "arguments": "{}"}
            call = {"id": "c", "type": "function", "function": function}
            return [{"role": "assistant", "content": None, "tool_calls": [call]}, result("c", text)]
        case _:
            return [said(place, text)]


async def sent(wires: list[Wire], limit: int, previous: str) -> str:
    """All that reaches the server of the model."""
    chosen = Compaction(
        window=6_000, reserve=1_000, tail=100, keep_results=0, summary_input=limit, counter=count
    )
    overlay = Overlay(summary=previous)
    made = plan(from_wire(wires), settings=chosen, overlay=overlay)
    assert isinstance(made, Plan)
    assert made.request is not None
    async with ScriptedModel(["Fine."]) as model, LLM("m", base_url=model.url) as llm:
        await summarise_with(llm)(made.request)
    return str(model.asked[0].body)


@settings(max_examples=25)
@given(
    place=st.sampled_from(PLACES),
    key=st.sampled_from(KEYS),
    before=st.integers(0, 9_000),
    behind=st.integers(0, 9_000),
    limit=st.sampled_from([600, 1_500, 60_000]),
)
def test_c10_no_credential_is_in_a_request_that_is_sent(
    place: str, key: str, before: int, behind: int, limit: int
) -> None:
    text = f"{'a ' * (before // 2)} {key} {'b ' * (behind // 2)}"
    body = asyncio.run(sent([*talk(1, 50), *holding(place, text), *talk(14, 300)], limit, f"it was {key}."))
    assert [at for at in range(len(key) - PIECE) if key[at : at + PIECE] in body] == []


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key[:3])
def test_what_was_there_is_said(key: str) -> None:
    said = redacted(f"use {key}, please")
    assert said.startswith("use [left out: ")
    assert said.endswith("], please")
    assert "key" in said or "token" in said


def test_a_merger_has_none_either() -> None:
    asked = merge_request(["one", "two"], previous=f"it was {KEYS[0]}", max_tokens=10)
    assert KEYS[0] not in asked.material


def test_texts_without_a_credential_stay_as_they_are() -> None:
    for text in ("", "Fix ticket 4711 in src/a.py", "sha256: " + "0123456789abcdef" * 4, "the token is here"):
        assert redacted(text) == text
