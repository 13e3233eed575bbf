"""Frames: what is one, and that nothing else makes trouble."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents_sdk.protocol import McpServers, RpcRequest, RpcResult, StateChange, encode, parser

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
parse = parser(frozenset({StateChange, RpcRequest}))
CALL = RpcRequest(type="rpc", id="1", method="m", args=[])


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('{"type":"cf_agent_state","state":null}', StateChange(state=None)),
        ('{"type":"cf_agent_state","state":{"n":1},"more":2}', StateChange(state={"n": 1})),
        (
            '{"type":"rpc","id":"1","method":"m","args":[]}',
            RpcRequest(type="rpc", id="1", method="m", args=[]),
        ),
        ('{"type":"cf_agent_state"}', None),
        ('{"type":"rpc","id":5,"method":"m","args":[]}', None),
        ('{"type":"rpc","id":"1","method":"m"}', None),
        ('{"type":"rpc","id":"1","method":"m","args":null}', None),
        ('{"type":"cf_agent_identity","name":"spoof","agent":"x"}', None),
        ("{bad json", None),
        ("[]", None),
        ("null", None),
        ("", None),
        ("[" * 100_000, None),
    ],
)
def test_what_is_no_frame_is_a_message(text: str, frame: object) -> None:
    assert parse(text) == frame


@given(st.text() | JSON.map(json.dumps))
def test_any_text_can_be_parsed(text: str) -> None:
    parse(text)


@given(JSON)
def test_a_state_arrives_as_it_was(state: Any) -> None:
    assert parse(encode(StateChange(state=state))) == StateChange(state=state)


def test_what_is_sent_is_standard_json() -> None:
    assert json.loads(encode(RpcResult(id="1", result=[float("nan"), float("inf")])))["result"] == [
        None,
        None,
    ]
    assert json.loads(encode(McpServers()))["mcp"] == {
        "prompts": [],
        "resources": [],
        "servers": {},
        "tools": [],
    }
