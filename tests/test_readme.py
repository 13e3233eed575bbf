"""The programs of the README run as they stand there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from integrations.llm import LLM, ToolCall
from integrations.llm.loop import ApprovalRequest, approve
from integrations.llm.testing import Reply, ScriptedModel
from workflows import Engine, WorkflowEntrypoint
from workflows.testing import VirtualClock

README = Path(__file__).parent.parent / "README.md"
WORKFLOW, AGENT, CHAT, MODELS = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


def test_the_workflow_runs_and_is_answered_from_its_record(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(WORKFLOW)
    command = [sys.executable, "-W", "error", "main.py"]
    for _ in range(2):
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=50, check=True)
        assert ran.stdout == "charged 5 for 1\n"


@pytest.mark.anyio
async def test_the_agent_reports_on_mondays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, type] = {}
    exec(compile(AGENT, "README.md", "exec"), names)
    clock, watcher = VirtualClock(), names["Watcher"]
    async with names["AgentsApp"]([watcher], workflows=[names["Report"]], data=tmp_path, clock=clock) as app:
        agent = await app.get_agent(watcher, "a")
        await agent.watch()
        await clock.sleep(15 * 86_400)
        assert agent.state == {"reports": 2}


@pytest.mark.anyio
async def test_the_chat_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, type] = {}
    exec(compile(CHAT, "README.md", "exec"), names)
    assistant = names["Assistant"]
    async with names["AgentsApp"]([assistant], data=tmp_path) as app:
        agent = await app.get_agent(assistant, "a")
        question = {"id": "u", "role": "user", "parts": [{"type": "text", "text": "one two"}]}
        assert (await agent.save_messages([question])).status == "completed"
        assert "".join(part.get("text", "") for part in agent.messages[-1]["parts"]) == "one two "


@pytest.mark.anyio
async def test_the_model_finds_and_refunds_an_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script: list[Reply | str] = [
        Reply(tool_calls=[ToolCall(id="1", name="find_order", arguments='{"id": "7"}')]),
        Reply(tool_calls=[ToolCall(id="2", name="refund", arguments='{"id": "7", "amount": 5}')]),
        "You have your money back.",
    ]
    async with ScriptedModel(script) as model:
        monkeypatch.setenv("OPENAI_BASE_URL", model.url)
        names: dict[str, Any] = {}
        exec(compile(MODELS, "README.md", "exec"), names)
        support: type[WorkflowEntrypoint[LLM, str]] = names["Support"]
        async with names["env"] as llm, Engine(tmp_path / "a.db", [support], env=llm) as engine:
            instance = await engine.workflow(support).create(params="Where is order 7?")
            async for seen in instance.subscribe(filter=["step_completed"]):
                if isinstance(seen.output, dict) and seen.output.get("tool") == "refund":
                    await approve(instance, ApprovalRequest.model_validate(seen.output), by="eve")
                    break
            assert await instance.result() == "You have your money back."
        told = [
            message["content"] for message in model.asked[-1].body["messages"] if message["role"] == "tool"
        ]
        assert told == ['{"id":"7","state":"lost"}', "paid 5 back for 7"]
