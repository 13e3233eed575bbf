"""A chat that is compacted, over its wire, with a scripted model, and killed between summary and answer."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from agents_sdk.chat.chat import Chat
from integrations.compaction import Registry, Rule, from_wire, read_history
from integrations.llm import Usage
from integrations.llm.testing import Asked, ErrorReply, Reply, ScriptedModel
from tests.agents_sdk.chat.chats import ask as submit
from tests.agents_sdk.chat.chats import stored, talking, until
from tests.agents_sdk.served import served
from tests.integrations.compaction.chatting import (
    INSTRUCTIONS,
    Model,
    Talker,
    ask,
    long,
    opened,
    talker,
    user,
)
from tests.integrations.compaction.histories import count

pytestmark = pytest.mark.anyio

SUMMARY = "in a summary made by a program"


def text_of(prompt: list[dict[str, Any]]) -> str:
    return "\n".join(str(message.get("content")) for message in prompt)


async def killed(folder: Path, model: ScriptedModel, asked: int) -> None:
    """A process that asks six long questions; it is killed when the model was asked so often."""
    program = ["-m", "tests.integrations.compaction.chatting", str(folder), model.url, "6"]
    child = await asyncio.create_subprocess_exec(sys.executable, *program)
    await asyncio.wait_for(model.was_asked(asked), 50)
    child.send_signal(signal.SIGKILL)
    await child.wait()


async def test_clients_see_all_of_a_chat_whose_model_gets_a_summary(tmp_path: Path) -> None:
    script = Model()
    async with (
        ScriptedModel(script) as model,
        opened(tmp_path, model.url) as (agents, kind),
        served(agents) as address,
        talking(address, "ann", chat="talking") as ann,
    ):
        agent = await agents.get_agent(kind, "a")
        for number in range(1, 9):
            await submit(ann, f"r{number}", *agent.messages, long(number))
            await until(ann, "cf_agent_use_chat_response", done=True)
        shown = await stored(address, chat="talking")
    assert shown == [
        turn for n in range(1, 9) for turn in [("user", long(n)["parts"][0]["text"]), ("assistant", "Yes.")]
    ]
    assert len(script.asked_for_summaries) == 1
    last = script.prompts[-1]
    assert last[0] == {"role": "system", "content": INSTRUCTIONS}
    assert SUMMARY in text_of(last)
    assert "What was said." in text_of(last)
    assert "question 1 " in text_of(last), "the task stays"
    assert "question 2 " not in text_of(last)
    assert last[-1] == {"role": "user", "content": long(8)["parts"][0]["text"]}
    assert max(count(text_of(prompt)) for prompt in script.prompts) < 1_500


async def test_between_two_compactions_a_prompt_begins_like_the_one_before(tmp_path: Path) -> None:
    """What providers cache is the beginning of a prompt."""
    script = Model(summaries=["First.", "Second.", "Third."])
    async with ScriptedModel(script) as model, talker(tmp_path, model.url) as agent:
        await ask(agent, *range(1, 12))
    pairs = zip(script.prompts, script.prompts[1:], strict=False)
    others = [number for number, (one, then) in enumerate(pairs, 2) if then[: len(one)] != one]
    assert len(others) == len(script.asked_for_summaries) == 2


async def test_a_new_life_goes_on_with_the_summary(tmp_path: Path) -> None:
    script = Model()
    async with ScriptedModel(script) as model:
        async with talker(tmp_path, model.url) as agent:
            await ask(agent, *range(1, 7))
        async with talker(tmp_path, model.url) as agent:
            await ask(agent, 7)
            overlay = await Registry(agent.chat_notes).overlay()
    assert len(script.asked_for_summaries) == 1
    assert SUMMARY in text_of(script.prompts[-1])
    assert (overlay.summary, overlay.usage) == ("What was said.", Usage(input=10, output=5))
    assert overlay.tokens_after <= 800 < overlay.tokens_before


async def test_each_summary_updates_the_one_before(tmp_path: Path) -> None:
    script = Model(summaries=["First.", "Second.", "Third."])
    async with ScriptedModel(script) as model, talker(tmp_path, model.url) as agent:
        await ask(agent, *range(1, 16))
    assert len(script.asked_for_summaries) == 3
    assert [
        "First." in script.asked_for_summaries[1].said,
        "Second." in script.asked_for_summaries[2].said,
    ] == [True] * 2
    assert text_of(script.prompts[-1]).count(SUMMARY) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
async def test_a_kill_between_summary_and_answer_has_no_summary_paid_again(tmp_path: Path) -> None:
    never = asyncio.Event()
    script = Model(
        answer=lambda asked: Reply("Yes.", hold=never if SUMMARY in text_of(asked.body["messages"]) else None)
    )
    async with ScriptedModel(script) as model:
        await killed(tmp_path, model, 7)  # five answers, a summary, and a prompt with it
        assert len(script.asked_for_summaries) == 1
        never.set()
        async with talker(tmp_path, model.url) as agent:
            await agent.ctx.part(Chat).turns.stable()
            assert [message["role"] for message in agent.messages[-2:]] == ["user", "assistant"]
    assert len(script.asked_for_summaries) == 1, "it was paid once"
    assert script.prompts[-1] == script.prompts[-2], "the same prompt as before the kill"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
async def test_a_kill_before_the_summary_asks_for_the_same_again(tmp_path: Path) -> None:
    never = asyncio.Event()
    script = Model(summaries=[Reply("Lost.", hold=never), "Kept."])
    async with ScriptedModel(script) as model:
        await killed(tmp_path, model, 6)
        async with talker(tmp_path, model.url) as agent:
            await agent.ctx.part(Chat).turns.stable()
    first, second = script.asked_for_summaries
    assert first.body == second.body
    assert "Kept." in text_of(script.prompts[-1])


async def test_a_clear_takes_the_summary_with_it(tmp_path: Path) -> None:
    script = Model()
    async with ScriptedModel(script) as model, talker(tmp_path, model.url) as agent:
        await ask(agent, *range(1, 7))
        registry = Registry(agent.chat_notes)
        await registry.add(facts=["4711"])
        await agent.clear_messages()
        assert not (await registry.overlay()).summary
        assert not (await registry.carried()).facts
        await ask(agent, 1)
    assert SUMMARY not in text_of(script.prompts[-1])


async def test_a_clear_during_the_summary_leaves_nothing_of_it(tmp_path: Path) -> None:
    held = asyncio.Event()
    script = Model(summaries=[Reply("Old.", hold=held)])
    async with ScriptedModel(script) as model, talker(tmp_path, model.url) as agent:
        await ask(agent, *range(1, 6))
        asking = asyncio.create_task(ask(agent, 6))
        await model.was_asked(6)
        await agent.clear_messages()
        held.set()
        assert await asking == "aborted"
        registry = Registry(agent.chat_notes)
        assert not (await registry.overlay()).summary
        await ask(agent, 7)
    assert "Old." not in text_of(script.prompts[-1])


async def test_c11_what_is_said_while_a_summary_is_made_is_answered_behind_it(tmp_path: Path) -> None:
    held = asyncio.Event()
    script = Model(summaries=[Reply("What was said.", hold=held)])
    async with ScriptedModel(script) as model, talker(tmp_path, model.url) as agent:
        await ask(agent, *range(1, 6))
        asking = asyncio.create_task(ask(agent, 6))
        await model.was_asked(6)
        later = asyncio.create_task(agent.save_messages([user(7, "and now?")]))
        await agent.persist_messages([user(8, "hurry!")])
        held.set()
        assert await asking == "completed"
        assert (await later).status == "completed"
    assert len(script.asked_for_summaries) == 1
    before, last = script.prompts[-2:]
    assert ("and now?" in text_of(before), "and now?" in text_of(last)) == (False, True)
    assert [message["id"] for message in agent.messages].count("u8") == 1
    assert SUMMARY in text_of(last)


async def test_a_summary_of_what_was_cut_off_is_not_used(tmp_path: Path) -> None:
    script = Model(summaries=["Of the first branch.", "Of the second."])
    async with (
        ScriptedModel(script) as model,
        opened(tmp_path, model.url) as (agents, kind),
        served(agents) as address,
        talking(address, "ann", chat="talking") as ann,
    ):
        agent = await agents.get_agent(kind, "a")
        await ask(agent, *range(1, 7))
        assert "Of the first branch." in text_of(script.prompts[-1])
        early = agent.messages[:3]
        await submit(ann, "again", *early, trigger="regenerate-message")
        await until(ann, "cf_agent_use_chat_response", done=True, id="again")
        assert SUMMARY not in text_of(script.prompts[-1])
        assert not (await Registry(agent.chat_notes).overlay()).summary, "it is deleted, too"
        assert len(agent.messages) == 4
        await ask(agent, *range(12, 16))
    assert "Of the second." in text_of(script.prompts[-1])
    assert "Of the first branch." not in script.asked_for_summaries[1].said


async def test_a_summary_of_what_was_changed_is_not_used(tmp_path: Path) -> None:
    script = Model(summaries=["Of what was said first.", "Of what is said now."])
    async with ScriptedModel(script) as model, talker(tmp_path, model.url) as agent:
        await ask(agent, *range(1, 7))
        await agent.persist_messages([long(2, 300)])
        await ask(agent, 7)
    assert len(script.asked_for_summaries) == 2
    assert "Of what was said first." not in text_of(script.prompts[-1])


async def test_old_messages_may_be_deleted_under_a_summary(tmp_path: Path) -> None:
    script = Model()
    async with ScriptedModel(script) as model, talker(tmp_path, model.url, most=12) as agent:
        await ask(agent, *range(1, 9))
        assert len(script.asked_for_summaries) == 1
        overlay = await Registry(agent.chat_notes).overlay()
        assert overlay.from_id not in [f"{message['id']}/0" for message in agent.messages]
        await ask(agent, 9)
    assert len(script.asked_for_summaries) == 1, "not one for each message that goes"
    assert "What was said." in text_of(script.prompts[-1])


async def test_what_the_provider_counts_is_where_later_estimates_begin(tmp_path: Path) -> None:
    def taken(prompt: list[dict[str, Any]]) -> int:
        return sum(3 + count(message["role"]) + count(message["content"]) for message in prompt)

    def answer(asked: Asked) -> Reply:
        tools = 1_000
        return Reply("Yes.", usage=Usage(input=tools + taken(asked.body["messages"]), output=1))

    script = Model(answer=answer)
    async with ScriptedModel(script) as model, talker(tmp_path, model.url) as agent:
        await ask(agent, 1)
        assert await agent.chat_notes.get("overhead") == 1_000
        await ask(agent, 2, 3)
    assert len(script.asked_for_summaries) == 1, "it is due earlier"


async def test_without_a_model_that_summarises_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)
    script = Model()
    async with ScriptedModel(script) as model, talker(tmp_path, model.url, summarise=None) as agent:
        assert "give Compaction(summarise=summarise_with(llm))" in await ask(agent, 1)
    assert script.prompts == []


async def test_the_model_of_the_environment_summarises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Model()
    async with ScriptedModel(script) as model, talker(tmp_path, model.url, summarise=None) as agent:
        monkeypatch.setenv("OPENAI_BASE_URL", model.url)
        monkeypatch.setenv("OPENAI_MODEL", "summariser")
        await ask(agent, *range(1, 7))
    assert "What was said." in text_of(script.prompts[-1])


@pytest.mark.parametrize(
    ("summaries", "asked"),
    [
        ([ErrorReply(503), "Late."], 2),
        ([ErrorReply(429, code="rate_limit_exceeded", headers={"retry-after": "3600"}), "Never."], 1),
        ([ErrorReply(401, message="no such key"), "Never."], 1),
        ([ErrorReply(503)] * 3, 3),
    ],
)
async def test_a_summary_that_fails_is_asked_for_again_if_that_can_help(
    summaries: list[ErrorReply | str], asked: int, tmp_path: Path
) -> None:
    script = Model(summaries=summaries)
    async with ScriptedModel(script) as model, talker(tmp_path, model.url, delays=(0.0, 0.0)) as agent:
        assert await ask(agent, *range(1, 7)) == "completed"
        overlay = await Registry(agent.chat_notes).overlay()
    assert len(script.asked_for_summaries) == asked
    late = "Late." in text_of(script.prompts[-1])
    assert overlay.fallback is not late
    assert late or "could not be summarised" in text_of(script.prompts[-1])


async def test_a_chat_goes_on_until_its_window_is_full_and_then_says_why_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = Model()
    async with ScriptedModel(script) as model, talker(tmp_path, model.url) as agent:
        assert await ask(agent, *[]) == ""
        ended = [
            await agent.save_messages([*agent.messages, long(1, 1_700), user(n, "short")]) for n in (2, 3, 4)
        ]
        assert [one.status for one in ended] == ["completed"] * 3
        assert "compaction would free less than 10%" in caplog.text
        result = await agent.save_messages([*agent.messages, long(9, 600)])
    assert "cannot be made to fit" in str(result.error)
    assert script.asked_for_summaries == []


async def test_rules_facts_and_todos_stand_below_every_summary(tmp_path: Path) -> None:
    script = Model(summaries=["The model forgot all of it."])
    async with ScriptedModel(script) as model, talker(tmp_path, model.url) as agent:
        registry = Registry(agent.chat_notes)
        await registry.add([Rule(text="Never push to main.", message_id="u1")], facts=["ticket 4711"])
        await registry.add([Rule(text="Never push to main.", message_id="u2")], facts=["a.py", "ticket 4711"])
        await registry.work("Fix the build", ["run the tests"])
        await ask(agent, *range(1, 13))
        assert len(script.asked_for_summaries) == 2
        given = text_of(script.prompts[-1])
        wanted = [
            "- Never push to main.",
            "What is being done: Fix the build",
            "- run the tests",
            "- ticket 4711\n- a.py",
        ]
        assert [line for line in wanted if given.count(line) != 1] == []
        await registry.remove("Never push to main.")
        await registry.remove("a.py")
        await ask(agent, *range(13, 18))
    assert "Never push to main." not in text_of(script.prompts[-1])
    assert "- ticket 4711" in text_of(script.prompts[-1])


async def test_an_old_result_is_shortened_and_can_be_read_again(tmp_path: Path) -> None:
    output = {"lines": ["the whole file " * 300]}
    call: dict[str, Any] = {"type": "tool-read", "toolCallId": "c1", "state": "output-available"}
    read = {
        "id": "a~1/x",
        "role": "assistant",
        "parts": [{"type": "step-start"}, {**call, "input": {"path": "a"}, "output": output}],
    }
    script = Model()
    async with ScriptedModel(script) as model, talker(tmp_path, model.url, keep_results=0) as agent:
        await agent.persist_messages([user(1, "read it"), read])
        await ask(agent, 2, 3)
        [stub] = [message for message in script.prompts[-1] if message["role"] == "tool"]
        assert stub["content"].startswith("[read (arguments ")
        handle = stub["content"].removesuffix("]").rpartition("handle ")[2]
        from agents_sdk import model_messages

        found = read_history(from_wire(model_messages(agent.messages)), handle)
    assert "the whole file " * 300 in str(found.content)
    assert script.asked_for_summaries == []


async def test_a_prompt_is_made_once_for_a_turn(tmp_path: Path) -> None:
    class Twice(Talker):
        async def on_chat_message(self, turn: Any) -> Any:
            first, second = await turn.prompt(), await turn.prompt()
            assert first == second
            first.clear()
            assert await turn.prompt() == second
            return "Yes."

    script = Model()
    async with ScriptedModel(script) as model, opened(tmp_path, model.url) as (_, kind):
        from agents_sdk import AgentsApp
        from tests.integrations.compaction.chatting import Env

        Twice.compaction = kind.compaction
        async with AgentsApp([Twice], data=tmp_path, env=Env(model.url)) as agents:
            agent = await agents.get_agent(Twice, "a")
            assert await ask(agent, *range(1, 7)) == "completed"
    assert len(script.asked_for_summaries) == 1
