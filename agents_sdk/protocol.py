"""Every frame on a socket, as a model: nothing else builds or parses frames.

What a `parser` does not know is no error: it belongs to the agent's `on_message`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

__all__ = [
    "ClientFrame",
    "Greeting",
    "Identity",
    "McpCatalog",
    "McpServers",
    "RpcDone",
    "RpcError",
    "RpcRequest",
    "RpcResult",
    "ServerFrame",
    "StateChange",
    "StateError",
    "encode",
    "parser",
]

Json = Any
"""A JSON value: what users keep in state and pass to methods."""


def _is_none(value: object) -> bool:
    return value is None


class _Frame(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, serialize_by_alias=True, validate_by_name=True)


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
    mcp: McpCatalog = McpCatalog()


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


ClientFrame = StateChange | RpcRequest
Greeting = Identity | StateChange | McpServers
"""What tells a client of the agent, when it connects and later; not every connection is told."""
ServerFrame = Greeting | StateError | RpcResult | RpcDone | RpcError


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


def encode(frame: ServerFrame) -> str:
    """`frame` as the text that goes over the wire: standard JSON, so NaN becomes null."""
    return frame.model_dump_json()
