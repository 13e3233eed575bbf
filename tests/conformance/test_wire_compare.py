"""That the comparison of traffic finds what differs, and lets pass what is chance."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.wire_compare import differences
from tests.conformance.wire_recording import Line, Recording, read
from tests.conformance.wire_replay import Replayed

URL = "ws://127.0.0.1:1/agents/chat-echo/a?_pk=1"
RESPONSE = "cf_agent_use_chat_response"
Frame = dict[str, Any]


def chunk(seq: int, text: str, **more: Any) -> Frame:
    body = json.dumps({"type": "text-delta", "id": "t1", "delta": text})
    return {"type": RESPONSE, "id": "r1", "done": False, "seq": seq, "body": body, **more}


def done(**more: Any) -> Frame:
    return {"type": RESPONSE, "id": "r1", "done": True, "body": "", **more}


IDENTITY = {"type": "cf_agent_identity", "name": "a", "agent": "chat-echo"}
MCP = {"type": "cf_agent_mcp_servers", "mcp": {"servers": {}}}
RPC = {"type": "rpc", "id": "1", "success": True, "done": True, "result": {"id": "made-1", "createdAt": 5}}
TURN: list[Frame] = [IDENTITY, MCP, chunk(0, "one "), chunk(1, "two "), done(), RPC]


def recording(tmp_path: Path, received: list[Frame], *, closed: tuple[int, str] = (1000, "")) -> Recording:
    happened: list[tuple[str, Frame]] = [
        ("event", {"event": "connect", "url": URL}),
        ("event", {"event": "open"}),
        *(("s2c", frame) for frame in received),
        ("event", {"event": "close", "code": closed[0], "reason": closed[1], "wasClean": True}),
    ]
    lines = [json.dumps({"t": 1, "conn": "A", "dir": way, "message": message}) for way, message in happened]
    file = tmp_path / "recording.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    return read(file)


def found(tmp_path: Path, theirs: list[Frame], ours: list[Frame]) -> list[str]:
    return list(differences(recording(tmp_path, theirs), {"A": Replayed(received=ours)}))


@pytest.mark.parametrize(
    "changed",
    [
        lambda frames: frames,
        lambda frames: [frames[0], *frames[2:], MCP],
        lambda frames: [*frames[:2], RPC, *frames[2:5]],
        lambda frames: [*frames[:5], {**RPC, "result": {"id": "made-9", "createdAt": 7.5}}],
        lambda frames: [
            *frames[:2],
            chunk(0, "one ", replay=True),
            {"type": RESPONSE, "id": "r1", "done": False, "body": "", "replay": True, "replayComplete": True},
            *frames[3:],
        ],
        lambda frames: [
            {**frame, "id": "r9"} if frame.get("type") == RESPONSE else frame for frame in frames
        ],
    ],
    ids=["nothing", "MCP later", "a reply earlier", "names and times", "a replay", "another request id"],
)
def test_what_is_chance_is_no_difference(
    tmp_path: Path, changed: Callable[[list[Frame]], list[Frame]]
) -> None:
    assert found(tmp_path, TURN, changed(TURN)) == []


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (lambda frames: frames[1:], "A, chat: message 0 has other keys"),
        (lambda frames: [frames[0], *frames[2:]], "A, MCP: message 0 is missing"),
        (lambda frames: [*frames[:3], *frames[4:]], "A, chat: message 2 has other keys"),
        (lambda frames: [*frames[:2], frames[3], frames[2], *frames[4:]], "A, chat: message 1"),
        (lambda frames: [*frames[:3], chunk(1, "too "), *frames[4:]], "message 2 differs at delta"),
        (lambda frames: [*frames[:3], chunk(2, "two "), *frames[4:]], "message 2 differs at seq"),
        (lambda frames: [*frames[:4], done(outcome="aborted"), RPC], "has other keys (outcome, seq)"),
        (lambda frames: [*frames[:5], {**RPC, "result": None}], "A, rest: message 1 differs at result"),
        (lambda frames: [*frames, {"type": "cf_agent_state", "state": 1}], "message 2 is too many"),
        (lambda frames: [*frames[:4], {**done(), "id": "r2"}, RPC], "has another name at id"),
    ],
)
def test_what_differs_is_told(
    tmp_path: Path, changed: Callable[[list[Frame]], list[Frame]], says: str
) -> None:
    assert says in "\n".join(found(tmp_path, TURN, changed(TURN)))


def test_a_url_is_escaped_as_browsers_do(tmp_path: Path) -> None:
    line = Line(0, "A", "connect", {"url": "ws://h:1/agents/counter/user@x y/a%2Fb/ü?_pk=1&q=a+b"})
    assert line.path == "/agents/counter/user@x%20y/a%2Fb/%C3%BC?_pk=1&q=a+b"


def test_where_a_cancel_comes_in_is_chance(tmp_path: Path) -> None:
    theirs = [IDENTITY, chunk(0, "one "), done(outcome="aborted")]
    ours = [IDENTITY, chunk(0, "one "), chunk(1, "two "), done(outcome="aborted")]
    assert found(tmp_path, theirs, ours) == []


def test_a_client_that_leaves_in_the_middle_has_any_part_of_an_answer(tmp_path: Path) -> None:
    assert found(tmp_path, [IDENTITY, chunk(0, "one ")], [IDENTITY, chunk(0, "one "), chunk(1, "two ")]) == []


def test_a_better_server_ends_calls_and_answers_for_handlers_that_raise(tmp_path: Path) -> None:
    part = {"type": "rpc", "id": "2", "success": True, "done": False, "result": 1}
    end = {"type": "rpc", "id": "2", "success": True, "done": True}
    assert found(tmp_path, [IDENTITY, part], [IDENTITY, part, end]) == []
    assert found(tmp_path, [IDENTITY], [IDENTITY, done(error=True, body="kaput")]) == []


def test_a_close_by_the_server_has_its_code_and_reason(tmp_path: Path) -> None:
    theirs = recording(tmp_path, [IDENTITY], closed=(4001, "no"))
    same = Replayed(received=[IDENTITY], closed=(4001, "no"))
    assert list(differences(theirs, {"A": same})) == []
    other = Replayed(received=[IDENTITY], closed=(1011, ""))
    assert list(differences(theirs, {"A": other})) == ["A: was closed with (1011, ''), not with (4001, 'no')"]
    refused = Replayed(refused=True)
    assert "A: was refused" in list(differences(recording(tmp_path, []), {"A": refused}))
