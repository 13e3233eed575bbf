"""Model calls against a server that others wrote: durable steps, both protocols, whole and streamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from integrations.llm import LLM, Completion, Message, Patience, WireName
from tests.aimock.server import started
from tests.npm.suite import Unavailable
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from workflows.testing import VirtualClock

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.timeout(330),  # the first one installs the server
]


class Finding(BaseModel):
    """What the structured answer holds."""

    path: str
    line: int


@dataclass(frozen=True)
class Way:
    """How a server is talked to, and where it is."""

    url: str
    wire: WireName
    stream: bool


@dataclass(frozen=True)
class Told:
    """An answer, and how long it took on the clock."""

    answer: Completion[None]
    seconds: float


class Ask(WorkflowEntrypoint[LLM, dict[str, Any]]):
    """Asks what it is given."""

    async def run(self, event: WorkflowEvent[dict[str, Any]], step: WorkflowStep) -> Completion[None]:
        return await self.env.complete(step, "ask", **event.payload)


class Find(WorkflowEntrypoint[LLM, None]):
    """Asks for a finding."""

    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> Finding | None:
        return (await self.env.complete(step, "find", "finding", response_format=Finding)).parsed


WAYS: list[tuple[WireName, bool]] = [
    ("chat", False),
    ("chat", True),
    ("responses", False),
    ("responses", True),
]


@pytest.fixture(scope="module", params=WAYS, ids=lambda way: f"{way[0]}-{'stream' if way[1] else 'whole'}")
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    """A server for each, since it counts what it is asked."""
    wire, stream = request.param
    try:
        with started() as url:
            yield Way(url, wire, stream)
    except Unavailable as reason:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"aimock does not run here: {reason}")


async def ask(way: Way, path: Path, messages: str | list[Message], **more: Any) -> Told:
    """What one instance comes to."""
    clock = VirtualClock()
    started = clock.now()
    patience = Patience(first=3, jitter=0)
    async with (
        LLM("gpt-5", base_url=way.url, wire=way.wire, stream=way.stream, patience=patience) as llm,
        Engine(path / "a.db", workflows=[Ask], env=llm, clock=clock) as engine,
    ):
        instance = await engine.workflow(Ask).create(params={"messages": messages, **more})
        answer: Completion[None] = await instance.result()
        return Told(answer, clock.now() - started)


async def test_an_answer_with_its_usage(way: Way, tmp_path: Path) -> None:
    answer = (await ask(way, tmp_path, "hello")).answer
    assert (answer.text, answer.finish_reason) == ("Hello from a server of others.", "stop")
    assert (answer.usage.input, answer.usage.output) == (11, 7)
    assert (answer.attempts, answer.requests, answer.model_answered) == (1, 1, "gpt-5")
    assert answer.request_id is not None


async def test_a_tool_is_called_and_its_result_is_read(way: Way, tmp_path: Path) -> None:
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
    tools = [{"type": "function", "function": {"name": "weather", "parameters": parameters}}]
    question: Message = {"role": "user", "content": "weather"}
    first = (await ask(way, tmp_path, [question], tools=tools)).answer
    (call,) = first.tool_calls
    assert (call.name, call.arguments, first.finish_reason) == ("weather", '{"city":"Paris"}', "tool_calls")
    function = {"name": call.name, "arguments": call.arguments}
    turn: list[Message] = [
        question,
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": call.id, "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]
    assert (await ask(way, tmp_path, turn, tools=tools)).answer.text == "It is sunny in Paris."


async def test_a_limit_is_waited_for_as_long_as_the_server_says(way: Way, tmp_path: Path) -> None:
    told = await ask(way, tmp_path, "limited")
    assert (told.answer.text, told.answer.attempts) == ("now", 2)
    assert told.seconds == pytest.approx(7200, abs=1)


@pytest.mark.parametrize(("said", "text"), [("broken", "mended"), ("garbled", "clear")])
async def test_what_passes_is_tried_again(way: Way, tmp_path: Path, said: str, text: str) -> None:
    told = await ask(way, tmp_path, said)
    assert (told.answer.text, told.answer.attempts) == (text, 2)
    assert told.seconds == pytest.approx(3, abs=1)


async def test_a_stream_that_is_cut_is_tried_again(way: Way, tmp_path: Path) -> None:
    """An answer in one piece is not cut by this server."""
    told = await ask(way, tmp_path, "cut")
    assert told.answer.attempts == (2 if way.stream else 1)
    assert told.answer.text == ("whole" if way.stream else "Only a stream of this breaks off.")


async def test_a_typed_answer(way: Way, tmp_path: Path) -> None:
    async with (
        LLM("gpt-5", base_url=way.url, wire=way.wire, stream=way.stream) as llm,
        Engine(tmp_path / "a.db", workflows=[Find], env=llm, clock=VirtualClock()) as engine,
    ):
        assert await (await engine.workflow(Find).create()).result() == Finding(path="a.py", line=3)
