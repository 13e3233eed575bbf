"""A chat message in OpenAI's form, with an id: the unit of an append-only history."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Self, TypeAlias

from pydantic import ConfigDict, JsonValue, model_validator

from integrations.value import Value

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]
Part: TypeAlias = dict[str, JsonValue]

TEXT_PARTS = frozenset({"text", "input_text", "output_text"})


class Function(Value):
    """What a tool call calls; `arguments` is JSON text, unchecked."""

    model_config = ConfigDict(extra="allow")

    name: str
    arguments: str


class ToolCall(Value):
    """One entry of an assistant message's `tool_calls`."""

    model_config = ConfigDict(extra="allow")

    id: str
    type: str
    function: Function | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call, wherever the message holds it."""

    id: str
    tool: str
    arguments: str

    @property
    def given(self) -> Mapping[str, JsonValue]:
        """The arguments; nothing when they are no object, as a model may write anything."""
        try:
            given = json.loads(self.arguments)
        except (ValueError, RecursionError):
            return {}
        return given if isinstance(given, dict) else {}


class Message(Value):
    """One message; fields that this class does not name are kept as they are.

    Tool calls are read from `tool_calls` and from `tool_use` parts, tool results from messages with the role
    `tool` and from `tool_result` parts, also beside text in one message.
    """

    model_config = ConfigDict(extra="allow")

    id: str
    role: Role
    content: str | list[Part] | None = None
    tool_calls: tuple[ToolCall, ...] | None = None
    tool_call_id: str | None = None

    @model_validator(mode="after")
    def _fits_its_role(self) -> Self:
        if self.role == "tool" and self.tool_call_id is None:
            raise ValueError(
                f"the tool message {self.id!r} does not say which call it answers: set tool_call_id"
            )
        if self.role != "assistant" and self.calls:
            raise ValueError(f"the message {self.id!r} calls a tool, but has the role {self.role!r}")
        if self.role not in ("tool", "user") and self.answers:
            raise ValueError(f"the message {self.id!r} holds a tool result, but has the role {self.role!r}")
        return self

    @property
    def parts(self) -> list[Part]:
        """The parts of a multi-part message; none for plain text."""
        return self.content if isinstance(self.content, list) else []

    @property
    def calls(self) -> tuple[Call, ...]:
        """The tools that this message wants called."""
        listed = [
            Call(call.id, call.function.name, call.function.arguments)
            if call.function
            else Call(call.id, call.type, json.dumps(call.model_dump(exclude={"id", "type"})))
            for call in self.tool_calls or ()
        ]
        used = [
            Call(str(part.get("id")), str(part.get("name")), json.dumps(part.get("input")))
            for part in self.parts
            if part.get("type") == "tool_use"
        ]
        return (*listed, *used)

    @property
    def answers(self) -> tuple[str, ...]:
        """The ids of the calls whose results this message holds."""
        if self.role == "tool":
            return (self.tool_call_id or "",)
        return tuple(answered(part) for part in self.parts if is_result(part))

    @property
    def text(self) -> str:
        """What a person or the model wrote: text without tool calls and results."""
        if self.role == "tool":
            return ""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(str(part.get("text")) for part in self.parts if part.get("type") in TEXT_PARTS)

    def wire(self) -> dict[str, object]:
        """The message as it was given, without the id."""
        return self.model_dump(mode="json", exclude={"id"}, exclude_unset=True)

    def with_parts(self, parts: list[Part]) -> Self:
        """The same message with other parts."""
        return self.model_copy(update={"content": parts})

    def answering(self, calls: Iterable[str]) -> Self | None:
        """The message with one result for each of these calls and no others; None when nothing remains."""
        wanted = list(calls)
        if self.role == "tool":
            return self if self.tool_call_id in wanted else None
        parts = []
        for part in self.parts:
            if is_result(part):
                if answered(part) not in wanted:
                    continue
                wanted.remove(answered(part))
            parts.append(part)
        if parts == self.parts:
            return self
        return self.with_parts(parts) if parts else None


def is_result(part: Part) -> bool:
    """The part holds the result of a tool call."""
    return part.get("type") == "tool_result"


def answered(part: Part) -> str:
    """The id of the call that a result part answers."""
    return str(part.get("tool_use_id"))


def from_wire(messages: Iterable[Mapping[str, object]]) -> list[Message]:
    """Messages as OpenAI takes them, with their place in the list as id where they have none."""
    return [
        Message.model_validate({"id": f"m{number}", **message}) for number, message in enumerate(messages, 1)
    ]
