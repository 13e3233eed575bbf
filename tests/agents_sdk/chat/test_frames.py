"""The frames of chats: what is one, what is in it, and that what is not there is no key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents_sdk.protocol import (
    ChatCancel,
    ChatClear,
    ChatMessages,
    ChatRecovering,
    ChatRequest,
    ChatResponse,
    ChatServerFrame,
    MessageUpdated,
    ResumeAck,
    ResumeNone,
    ResumeRequest,
    RpcRequest,
    StateChange,
    StreamPending,
    StreamResuming,
    ToolApproval,
    ToolResult,
    chunk_body,
    encode,
    parser,
)

CHAT = frozenset(
    {ChatRequest, ChatCancel, ChatClear, ChatMessages, ResumeRequest, ResumeAck, ToolResult, ToolApproval}
)
parse = parser(CHAT | {StateChange, RpcRequest})
HELLO = {"id": "u1", "role": "user", "parts": [{"type": "text", "text": "hello"}], "mine": 1}
TOOLS = [{"name": "where", "description": "of the phone", "parameters": {"type": "object"}}]


def request(body: object, method: str = "POST") -> str:
    text = body if isinstance(body, str) else json.dumps(body)
    frame = {"id": "r1", "type": "cf_agent_use_chat_request", "init": {"method": method, "body": text}}
    return json.dumps(frame)


def submitted(body: object) -> Any:
    frame = parse(request(body))
    assert isinstance(frame, ChatRequest)
    return frame.submission()


def test_a_submission_is_the_text_in_a_request() -> None:
    read = submitted(
        {"messages": [HELLO], "trigger": "submit-message", "clientTools": TOOLS, "body": 1, "client_tools": 2}
    )
    assert (read.messages, read.trigger, read.client_tools) == ([HELLO], "submit-message", TOOLS)
    assert read.body == {"body": 1, "client_tools": 2}


def test_what_a_submission_does_not_say() -> None:
    read = submitted({"messages": [], "clientTools": []})
    assert (read.messages, read.trigger, read.client_tools, read.body) == ([], "submit-message", None, None)
    assert submitted({"messages": [], "trigger": "regenerate-message"}).trigger == "regenerate-message"
    assert submitted({"messages": [], "trigger": 7}).trigger == "submit-message"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        {},
        {"messages": None},
        {"messages": ["hello"]},
        {"messages": [{"role": "user", "parts": []}]},
        {"messages": [{"id": "", "role": "user", "parts": []}]},
        {"messages": [{"id": "u1", "role": "robot", "parts": []}]},
        {"messages": [{"id": "u1", "role": "user", "content": "hello"}]},
        {"messages": [{"id": "u1", "role": "user", "parts": [{"text": "hello"}]}]},
        {"messages": [{"id": "u1", "role": "user", "parts": ["hello"]}]},
        "[" * 100_000,
    ],
)
def test_a_body_that_is_no_submission_is_a_frame_all_the_same(body: object) -> None:
    assert submitted(body) is None


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('{"type":"cf_agent_chat_request_cancel","id":"r1"}', ChatCancel),
        ('{"type":"cf_agent_chat_clear"}', ChatClear),
        ('{"type":"cf_agent_chat_messages","messages":[]}', ChatMessages),
        ('{"type":"cf_agent_stream_resume_request"}', ResumeRequest),
        ('{"type":"cf_agent_stream_resume_request","probeId":5}', ResumeRequest),
        ('{"type":"cf_agent_stream_resume_ack","id":"r1"}', ResumeAck),
        ('{"type":"cf_agent_tool_result","toolCallId":"c1","output":null}', ToolResult),
        ('{"type":"cf_agent_tool_approval","toolCallId":"c1","approved":false}', ToolApproval),
        ('{"type":"cf_agent_chat_request_cancel"}', None),
        ('{"type":"cf_agent_chat_messages","messages":[{"id":"u1"}]}', None),
        ('{"type":"cf_agent_stream_resume_ack"}', None),
        ('{"type":"cf_agent_tool_result"}', None),
        ('{"type":"cf_agent_tool_approval","toolCallId":"c1","approved":"yes"}', None),
        ('{"type":"cf_agent_chat_recovering","recovering":true,"id":"r1"}', None),
        (request({"messages": []}, method="GET"), None),
    ],
)
def test_what_is_a_frame_of_a_chat(text: str, frame: type | None) -> None:
    assert (type(parse(text)) if frame else parse(text)) == frame


def test_other_agents_do_not_know_frames_of_chats() -> None:
    plain = parser(frozenset({StateChange, RpcRequest}))
    assert plain('{"type":"cf_agent_chat_clear"}') is None


def test_a_result_of_a_tool() -> None:
    frame = parse(
        json.dumps(
            {
                "type": "cf_agent_tool_result",
                "toolCallId": "c1",
                "toolName": "where",
                "output": {"lat": 1},
                "autoContinue": True,
                "clientTools": TOOLS,
            }
        )
    )
    assert isinstance(frame, ToolResult)
    assert (frame.tool_call_id, frame.tool_name, frame.output) == ("c1", "where", {"lat": 1})
    assert (frame.state, frame.error_text, frame.auto_continue) == (None, None, True)
    assert frame.client_tools == TOOLS


@pytest.mark.parametrize(
    ("frame", "wire"),
    [
        (ChatResponse(id="r1", body="{}", seq=0), {"body": "{}", "done": False, "id": "r1", "seq": 0}),
        (
            ChatResponse(id="r1", body="{}", seq=3, replay=True, continuation=True),
            {"body": "{}", "done": False, "id": "r1", "seq": 3, "replay": True, "continuation": True},
        ),
        (
            ChatResponse(id="r1", done=True, outcome="aborted", message_ids=["u1"]),
            {"body": "", "done": True, "id": "r1", "outcome": "aborted", "messageIds": ["u1"]},
        ),
        (
            ChatResponse(id="r1", replay=True, replay_complete=True),
            {"body": "", "done": False, "id": "r1", "replay": True, "replayComplete": True},
        ),
        (
            ChatResponse(id="r1", body="no", error=True, done=True),
            {"body": "no", "done": True, "id": "r1", "error": True},
        ),
        (StreamResuming(id="r1"), {"id": "r1"}),
        (StreamPending(id="r1", probe_id="p1"), {"id": "r1", "probeId": "p1"}),
        (ResumeNone(), {}),
        (ResumeNone(reason="idle", probe_id="p1"), {"reason": "idle", "probeId": "p1"}),
        (ChatMessages(messages=[HELLO]), {"messages": [HELLO]}),
        (MessageUpdated(message=HELLO), {"message": HELLO}),
        (ChatClear(), {}),
        (ChatRecovering(recovering=False, id="r1"), {"recovering": False, "id": "r1"}),
    ],
)
def test_what_is_not_said_is_no_key(frame: ChatServerFrame, wire: dict[str, Any]) -> None:
    assert json.loads(encode(frame)) == wire | {"type": frame.type}


def test_a_chunk_is_standard_json_in_a_frame() -> None:
    body = chunk_body({"type": "data-x", "data": [float("nan"), "é\n", 2**70]})
    frame = json.loads(encode(ChatResponse(id="r1", body=body, seq=1)))
    assert json.loads(frame["body"]) == {"type": "data-x", "data": [None, "é\n", 2**70]}
