"""The page for those who come from the original names nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agents_sdk import AgentWorkflow, ChatAgent, Connection, Turn

PAGE = (Path(__file__).parent.parent / "docs" / "from-the-agents-sdk.md").read_text(encoding="utf-8")
HERE = [line.split(" | ")[-1] for line in PAGE.splitlines() if line.startswith("| ")]
CONNECTION = Connection("c", "/agents/a/b", settled=lambda: None)
OWNERS = {
    "self": (ChatAgent, AgentWorkflow),
    "turn": (Turn,),
    "connection": (CONNECTION,),
    "c": (CONNECTION,),
}
HOOKS = {name for cell in HERE for name in re.findall(r"\bon_[a-z_]+", cell)} - {"on_before_connect"}
NAMES = {found for cell in HERE for found in re.findall(r"\b(self|turn|connection|c)\.([a-z_]+)", cell)}


def test_the_page_has_names() -> None:
    assert len(NAMES) > 20
    assert len(HOOKS) >= 10


@pytest.mark.parametrize(("owner", "name"), sorted(NAMES))
def test_it_is_there(owner: str, name: str) -> None:
    assert any(hasattr(one, name) for one in OWNERS[owner])


@pytest.mark.parametrize("hook", sorted(HOOKS))
def test_the_hook_is_there(hook: str) -> None:
    assert hasattr(ChatAgent, hook)
