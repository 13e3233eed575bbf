"""Every frame on a socket, as a model: nothing else builds or parses frames.

What a `parser` does not know is no error: it belongs to the agent's `on_message`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any, Literal, Union

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import to_json

__all__ = [
    "AgentToolEvent",
    "ChatCancel",
    "ChatClear",
    "ChatClientFrame",
    "ChatMessages",
    "ChatRecovering",
    "ChatRequest",
    "ChatResponse",
    "ChatServerFrame",
    "ClientFrame",
    "Greeting",
    "Identity",
    "McpCatalog",
    "McpServers",
    "MessageUpdated",
    "Outcome",
    "ResumeAck",
    "ResumeNone",
    "ResumeRequest",
    "RpcDone",
    "RpcError",
    "RpcRequest",
    "RpcResult",
    "ServerFrame",
    "StateChange",
    "StateError",
    "StreamPending",
    "StreamResuming",
    "Submission",
    "ToolApproval",
    "ToolResult",
    "chunk_body",
    "encode",
    "parser",
]

Json = Any
"""A JSON value: what users keep in state and pass to methods."""


def _is_none(value: object) -> bool:
    return value is None


def _is_false(value: object) -> bool:
    return value is False


def _text(given: object) -> str | None:
    return given if isinstance(given, str) else None


def _trigger(asked: object) -> str:
    return "regenerate-message" if asked == "regenerate-message" else "submit-message"


def _whole(message: dict[str, Any]) -> dict[str, Any]:
    """A message as chats keep it has an id, a role, and parts with a type; other keys are anyone's."""
    id, role, parts = message.get("id"), message.get("role"), message.get("parts")
    if not isinstance(id, str) or not id or role not in ("system", "user", "assistant"):
        raise ValueError("a message has an id and a role")
    if not isinstance(parts, list) or not all(
        isinstance(part, dict) and isinstance(part.get("type"), str) for part in parts
    ):
        raise ValueError("a message has parts, each with a type")
    return message


_Message = Annotated[dict[str, Any], AfterValidator(_whole)]
_Tools = Annotated[list[dict[str, Any]] | None, AfterValidator(lambda tools: tools or None)]
"""What a client can do for the model, as it describes it: name, description, parameters."""
_Flag = Annotated[bool, Field(exclude_if=_is_false)]


class _Frame(BaseModel):
    model_config = ConfigDict(
        frozen=True, strict=True, serialize_by_alias=True, validate_by_name=True, defer_build=True
    )


class Identity(_Frame):
    """The first frame on a connection: who answers."""

    type: Literal["cf_agent_identity"] = "cf_agent_identity"
    name: str
    agent: str
    state_follows: Literal[True] | None = Field(default=None, alias="stateFollows", exclude_if=_is_none)
    """True exactly when a state frame comes next: the client then waits for it before it is ready."""


class StateChange(_Frame):
    """The whole state: to a client after a change, or from a client as a wish."""

    type: Literal["cf_agent_state"] = "cf_agent_state"
    state: Json


class StateError(_Frame):
    """A client's state was refused."""

    type: Literal["cf_agent_state_error"] = "cf_agent_state_error"
    error: str


class McpCatalog(_Frame):
    """What the agent's MCP servers offer."""

    prompts: list[Json] = []
    resources: list[Json] = []
    servers: dict[str, Json] = {}
    tools: list[Json] = []


class McpServers(_Frame):
    """The MCP servers of the agent; clients expect it on connect."""

    type: Literal["cf_agent_mcp_servers"] = "cf_agent_mcp_servers"
    mcp: McpCatalog = Field(default_factory=McpCatalog)


class RpcRequest(_Frame):
    """A client calls a method."""

    type: Literal["rpc"]
    id: str
    method: str
    args: list[Json]


class RpcResult(_Frame):
    """What the method returned; `done` is false for a chunk of a stream."""

    type: Literal["rpc"] = "rpc"
    id: str
    success: Literal[True] = True
    done: bool = True
    result: Json = None


class RpcDone(_Frame):
    """The method has ended, and gives no result: other than null, it is no key at all."""

    type: Literal["rpc"] = "rpc"
    id: str
    success: Literal[True] = True
    done: Literal[True] = True


class RpcError(_Frame):
    """The method failed: the message of its error, nothing more."""

    type: Literal["rpc"] = "rpc"
    id: str
    success: Literal[False] = False
    error: str


class _ChatInit(_Frame):
    method: Literal["POST"]
    body: str | None = None


class Submission(_Frame):
    """What a client submits: the transcript as it sees it, and what it wants of it."""

    model_config = ConfigDict(extra="allow", validate_by_alias=True, validate_by_name=False)
    messages: list[_Message]
    trigger: Annotated[Literal["submit-message", "regenerate-message"], BeforeValidator(_trigger)] = (
        "submit-message"
    )
    client_tools: _Tools = Field(default=None, validation_alias="clientTools")

    @property
    def body(self) -> dict[str, Any] | None:
        """Every other key, for the agent; None when there is none."""
        return self.model_extra or None


class ChatRequest(_Frame):
    """A client asks for a turn; its `id` is the one of all frames of the answer."""

    type: Literal["cf_agent_use_chat_request"]
    id: Annotated[str, Field(max_length=1_000)]  # it is in every chunk that everybody gets
    init: _ChatInit

    def submission(self) -> Submission | None:
        """What is in the body; None when nothing is, or no submission: such a frame is dropped."""
        try:
            return Submission.model_validate_json(self.init.body or "")
        except ValidationError:
            return None


class ChatCancel(_Frame):
    """A client wants that the turn of this request stops."""

    type: Literal["cf_agent_chat_request_cancel"]
    id: str


class ChatClear(_Frame):
    """The chat is to be emptied, or has been, by another client."""

    type: Literal["cf_agent_chat_clear"] = "cf_agent_chat_clear"


class ChatMessages(_Frame):
    """The whole transcript; from a client, messages to be kept without a turn."""

    type: Literal["cf_agent_chat_messages"] = "cf_agent_chat_messages"
    messages: list[_Message]


class ResumeRequest(_Frame):
    """A client asks whether an answer is under way; it is always told, with its `probeId`."""

    type: Literal["cf_agent_stream_resume_request"]
    probe_id: Annotated[str | None, BeforeValidator(_text)] = Field(default=None, validation_alias="probeId")


class ResumeAck(_Frame):
    """A client is ready for the chunks of the answer that it was offered."""

    type: Literal["cf_agent_stream_resume_ack"]
    id: str


class ToolResult(_Frame):
    """What a tool of the client has given; any state but `output-error` is a success."""

    type: Literal["cf_agent_tool_result"]
    tool_call_id: str = Field(validation_alias="toolCallId")
    tool_name: str | None = Field(default=None, validation_alias="toolName")
    output: Json = None
    state: str | None = None
    error_text: str | None = Field(default=None, validation_alias="errorText")
    auto_continue: bool | None = Field(default=None, validation_alias="autoContinue")
    client_tools: _Tools = Field(default=None, validation_alias="clientTools")


class ToolApproval(_Frame):
    """Whether a tool may run, as a human has decided."""

    type: Literal["cf_agent_tool_approval"]
    tool_call_id: str = Field(validation_alias="toolCallId")
    approved: bool
    auto_continue: bool | None = Field(default=None, validation_alias="autoContinue")


Outcome = Literal["completed", "aborted", "skipped", "error", "recovering"]
"""How a request ended, where that is not plain; `recovering`: it goes on under another id."""


class ChatResponse(_Frame):
    """One chunk of an answer, as the text of its JSON; or its end; or, with `error`, why it failed."""

    type: Literal["cf_agent_use_chat_response"] = "cf_agent_use_chat_response"
    id: str
    body: str = ""
    done: bool = False
    seq: int | None = Field(default=None, exclude_if=_is_none)
    """Which chunk of the answer, from 0; the same when it is replayed. Only chunks have one."""
    continuation: _Flag = False
    """The answer goes on in the last message of the assistant."""
    replay: _Flag = False
    replay_complete: _Flag = Field(default=False, serialization_alias="replayComplete")
    error: _Flag = False
    outcome: Outcome | None = Field(default=None, exclude_if=_is_none)
    message_ids: list[str] | None = Field(default=None, serialization_alias="messageIds", exclude_if=_is_none)
    """Of a frame that ends or fails: the messages of the user that were answered."""


class StreamResuming(_Frame):
    """An answer is under way: its chunks come when the client acknowledges."""

    type: Literal["cf_agent_stream_resuming"] = "cf_agent_stream_resuming"
    id: str
    probe_id: str | None = Field(default=None, serialization_alias="probeId", exclude_if=_is_none)


class StreamPending(_Frame):
    """An answer will come: the client is told when it begins."""

    type: Literal["cf_agent_stream_pending"] = "cf_agent_stream_pending"
    id: str
    probe_id: str | None = Field(default=None, serialization_alias="probeId", exclude_if=_is_none)


class ResumeNone(_Frame):
    """No answer is under way, or none for this connection."""

    type: Literal["cf_agent_stream_resume_none"] = "cf_agent_stream_resume_none"
    reason: Literal["idle", "continuation-owned"] | None = Field(default=None, exclude_if=_is_none)
    probe_id: str | None = Field(default=None, serialization_alias="probeId", exclude_if=_is_none)


class MessageUpdated(_Frame):
    """One message has changed outside an answer: a tool has its result, or its approval."""

    type: Literal["cf_agent_message_updated"] = "cf_agent_message_updated"
    message: _Message


class ChatRecovering(_Frame):
    """A hint: the turn of this request was interrupted, and is being taken up again."""

    type: Literal["cf_agent_chat_recovering"] = "cf_agent_chat_recovering"
    recovering: bool
    id: str


class AgentToolEvent(_Frame):
    """What a sub-agent does as a tool: `event` has a `kind`, the `runId`, and what goes with the kind."""

    type: Literal["agent-tool-event"] = "agent-tool-event"
    parent_tool_call_id: str | None = Field(
        default=None, serialization_alias="parentToolCallId", exclude_if=_is_none
    )
    sequence: int
    replay: _Flag = False
    event: dict[str, Json]


ChatClientFrame = (
    ChatRequest
    | ChatCancel
    | ChatClear
    | ChatMessages
    | ResumeRequest
    | ResumeAck
    | ToolResult
    | ToolApproval
)
ChatServerFrame = (
    ChatResponse
    | ChatMessages
    | ChatClear
    | StreamResuming
    | StreamPending
    | ResumeNone
    | MessageUpdated
    | ChatRecovering
    | AgentToolEvent
)
ClientFrame = StateChange | RpcRequest | ChatClientFrame
Greeting = Identity | StateChange | McpServers
"""What tells a client of the agent, when it connects and later; not every connection is told."""
ServerFrame = Greeting | StateError | RpcResult | RpcDone | RpcError | ChatServerFrame


@lru_cache
def parser(known: frozenset[type[ClientFrame]]) -> Callable[[str], ClientFrame | None]:
    """Reads frames of these types; what is none of them is a message for the agent, and gives None."""
    types: Any = Union[tuple(known)]  # noqa: UP007  which they are is known at run time only
    if len(known) > 1:
        types = Annotated[types, Field(discriminator="type")]
    adapter: TypeAdapter[Any] = TypeAdapter(types)

    def parse(text: str) -> ClientFrame | None:
        try:
            frame: ClientFrame = adapter.validate_json(text)
        except ValidationError:
            return None
        return frame

    return parse


def chunk_body(chunk: dict[str, Any]) -> str:
    """`chunk` as the `body` of a `ChatResponse`: standard JSON, so NaN becomes null."""
    return to_json(chunk, inf_nan_mode="null").decode()


def encode(frame: ServerFrame) -> str:
    """`frame` as the text that goes over the wire: standard JSON, so NaN becomes null."""
    return frame.model_dump_json()
