"""What readers get of a streamed model step: real engine, real file, real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from integrations.llm import LLM, Completion, Patience, ToolCall
from integrations.llm.streaming import (
    Delta,
    Piece,
    ReasoningDelta,
    Restarted,
    TextDelta,
    ToolCallDelta,
    follow,
)
from integrations.llm.streaming.parts import merged
from integrations.llm.testing import ErrorReply, Reply, Script, ScriptedModel
from tests.integrations.llm.asking import FINDING, Finding
from workflows import Engine, StepContext, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio


class Answer(WorkflowEntrypoint[LLM, bool]):
    """One streamed step; structured when the params say so."""

    async def run(self, event: WorkflowEvent[bool], step: WorkflowStep) -> Completion[None]:
        kind = Finding if event.payload else None
        completion = await self.env.complete(step, "answer", "Why?", response_format=kind, stream=True)
        return Completion.model_validate(completion.model_dump(exclude={"parsed"}))


class Own(WorkflowEntrypoint[LLM, None]):
    """A step that tells something else."""

    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> None:
        async def tell(ctx: StepContext) -> None:
            await ctx.stream("40 %")

        await step.do("answer", tell)


@asynccontextmanager
async def running(path: Path, url: str) -> AsyncIterator[Engine]:
    """An engine and a model of their own, as after a restart."""
    async with (
        LLM("m", base_url=url, patience=Patience(limit=2, jitter=0), timeout=5) as llm,
        Engine(path, [Answer, Own], env=llm, clock=VirtualClock()) as engine,
    ):
        yield engine


def text_of(pieces: list[Piece]) -> str:
    """What a reader shows in the end."""
    text = ""
    for piece in pieces:
        match piece.delta:
            case TextDelta(text=more):
                text += more
            case Restarted():
                text = ""
            case _:
                pass
    return text


async def read(
    path: Path, script: Script, *, structured: bool = False
) -> tuple[list[Piece], Completion[None]]:
    """All that is told of one answer, and the answer."""
    async with ScriptedModel(script) as model, running(path, model.url) as engine:
        answer = await engine.workflow(Answer).create(id="a", params=structured)
        pieces = [piece async for piece in follow(answer, "answer")]
        completion: Completion[None] = await answer.result()
        again = [piece async for piece in follow(answer, "answer")]
        assert again == pieces
        for piece in pieces:
            rest = [piece async for piece in follow(answer, "answer", offset=piece.offset)]
            assert rest == [one for one in pieces if one.offset > piece.offset]
    assert text_of(pieces) == completion.text
    return pieces, completion


async def test_readers_get_the_text_in_batches(tmp_path: Path) -> None:
    words = " ".join(str(number) for number in range(100))
    pieces, _ = await read(tmp_path / "a.db", [words])
    assert [piece.offset for piece in pieces] == list(range(1, len(pieces) + 1))
    assert 5 <= len(pieces) <= 20  # of 100 words


async def test_a_slow_model_is_seen_word_by_word(tmp_path: Path) -> None:
    async with (
        ScriptedModel([Reply("one two", chunk_delay=0.2)]) as model,
        running(tmp_path / "a.db", model.url) as engine,
    ):
        answer = await engine.workflow(Answer).create(id="a", params=False)
        heard = [piece.delta async for piece in follow(answer, "answer")]
    assert heard == [TextDelta("one "), TextDelta("two")]


async def test_a_retry_resets_and_leaves_the_recorded_text(tmp_path: Path) -> None:
    begun = "Because " * 40
    cut = Reply(begun, finish_reason=None)
    pieces, completion = await read(tmp_path / "a.db", [cut, ErrorReply(503), "It rains."])
    assert completion.attempts == 3
    assert [piece.attempt for piece in pieces if isinstance(piece.delta, Restarted)] == [2, 3]
    assert text_of(pieces) == "It rains."
    assert begun.startswith(text_of([piece for piece in pieces if piece.attempt == 1]))
    assert pieces[0].delta == TextDelta("Because " * 20)


async def test_a_correction_within_an_attempt_resets_too(tmp_path: Path) -> None:
    pieces, completion = await read(tmp_path / "a.db", ["no idea", FINDING], structured=True)
    assert (completion.attempts, completion.requests) == (1, 2)
    assert [type(piece.delta) for piece in pieces].count(Restarted) == 1
    assert completion.text == FINDING


async def test_calls_of_tools_and_what_was_said_before_them(tmp_path: Path) -> None:
    call = ToolCall(id="1", name="look", arguments='{"at": "the sky"}')
    pieces, _ = await read(tmp_path / "a.db", [Reply("Let me see.", tool_calls=[call])])
    deltas: list[Delta] = [piece.delta for piece in pieces]
    assert deltas[-1] == ToolCallDelta(0, "1", "look", '{"at": "the sky"}')


async def test_an_answer_that_was_never_streamed_is_told_at_the_end(tmp_path: Path) -> None:
    """A content filter refuses with an error, and so in place of a stream."""
    refused = ErrorReply(400, code="content_filter", message="not that")
    pieces, completion = await read(tmp_path / "a.db", [refused])
    assert completion.refused
    assert [piece.delta for piece in pieces] == [TextDelta(completion.text)]


async def test_a_replay_asks_no_model_and_tells_nothing_twice(tmp_path: Path) -> None:
    async with ScriptedModel(["It rains."]) as model:
        async with running(tmp_path / "a.db", model.url) as engine:
            answer = await engine.workflow(Answer).create(id="a", params=False)
            before = [piece async for piece in follow(answer, "answer")]
            await answer.result()
        async with running(tmp_path / "a.db", model.url) as engine:
            answer = engine.workflow(Answer).get("a")
            assert [piece async for piece in follow(answer, "answer")] == before
            assert (await answer.result()).text == "It rains."
    assert len(model.asked) == 1


async def test_what_a_step_of_ones_own_tells_is_not_taken_for_an_answer(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", "http://127.0.0.1:9/v1") as engine:
        own = await engine.workflow(Own).create()
        with pytest.raises(ValueError, match=r"no piece of a model's answer: '40 %'"):
            await anext(follow(own, "answer"))


def test_thoughts_are_kept_apart() -> None:
    said: list[Delta] = [ReasoningDelta("a"), ReasoningDelta("b"), TextDelta("c"), TextDelta("d")]
    assert merged(said) == [ReasoningDelta("ab"), TextDelta("cd")]
