"""One attempt against a scripted model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

import pytest
from pydantic import BaseModel

from integrations.llm import LLM, Completion, Request, WireName
from integrations.llm.request import Parsed, messages_of
from integrations.llm.testing import Asked, Script, ScriptedModel


class Finding(BaseModel):
    """What the structured tests ask for."""

    path: str
    line: int


way = pytest.mark.parametrize(
    ("wire", "stream"),
    [("chat", False), ("chat", True), ("responses", False), ("responses", True)],
    ids=["chat", "chat-stream", "responses", "responses-stream"],
)
"""Every way of talking to a server."""

FINDING = '{"path": "a.py", "line": 3}'


@dataclass(frozen=True, slots=True)
class Told(Generic[Parsed]):
    """The answer, and the requests that it took."""

    completion: Completion[Parsed]
    asked: list[Asked]


async def ask(
    script: Script,
    *,
    response_format: type[Parsed] | None = None,
    max_tokens: int | None = None,
    wire: WireName = "chat",
    stream: bool = False,
    timeout: float = 5.0,
) -> Told[Parsed]:
    """What one attempt gives, or the error that it raises."""
    async with (
        ScriptedModel(script) as model,
        LLM("m", base_url=model.url, wire=wire, timeout=timeout, stream=stream, now=lambda: 1_000.0) as llm,
    ):
        request = Request(
            model="m",
            messages=messages_of("Where is the bug?"),
            response_format=response_format,
            max_tokens=max_tokens,
        )
        return Told(await llm.attempt(request), model.asked)
