"""A request in the words of Chat Completions. Imports openai."""

from __future__ import annotations

import re
from typing import Any

from openai import pydantic_function_tool
from pydantic import BaseModel

from integrations.llm.dialect import Dialect, Form
from integrations.llm.request import AnyRequest, Message
from integrations.llm.structured import instructed

__all__ = ["chat_request", "messages_in", "response_format"]


def chat_request(request: AnyRequest, dialect: Dialect) -> dict[str, Any]:
    """The parameters of one Chat Completions call, in a dialect that the server understands."""
    body: dict[str, Any] = {"model": request.model, "messages": [*messages_in(request, dialect)]}
    if request.wanted is not None and dialect.form is not Form.PLAIN:
        body["response_format"] = response_format(request.wanted, dialect.form)
    if request.max_tokens is not None:
        body[dialect.limit] = request.max_tokens
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.tools:
        body["tools"] = [*request.tools]
    if request.tool_choice is not None:
        body["tool_choice"] = request.tool_choice
    return body


def messages_in(request: AnyRequest, dialect: Dialect) -> tuple[Message, ...]:
    """The messages, with the wanted form said in words where the server is not told it otherwise."""
    if request.wanted is None or dialect.form is Form.SCHEMA:
        return request.messages
    return instructed(request.messages, request.wanted)


def response_format(kind: type[BaseModel], form: Form) -> dict[str, Any]:
    """How a server is told the wanted form."""
    if form is Form.OBJECT:
        return {"type": "json_object"}
    # The SDK's public way to a schema that strict servers accept.
    schema = pydantic_function_tool(kind)["function"]["parameters"]
    name = re.sub(r"[^A-Za-z0-9_-]", "_", kind.__name__)[:64]
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": True}}
