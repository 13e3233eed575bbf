"""The programs of the README run as they stand there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from workflows.testing import VirtualClock

README = Path(__file__).parent.parent / "README.md"
WORKFLOW, AGENT, CHAT = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


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
