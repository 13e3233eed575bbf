"""`agents review` with the small model: its answers, which are nonsense, go through the whole pipeline."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from tests.e2e_llm.conftest import Small
from tests.integrations.code_review.repository import Repository

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(400)]

COMPLETE, FOUND, INCOMPLETE = 0, 1, 3
"""How a review that came to its end exits; a model of this size may also give no answer that can be used."""


async def test_a_review_comes_to_its_end(small: Small, tmp_path: Path) -> None:
    repository = Repository.create(tmp_path / "repo")
    repository.write({"total.py": "def total(prices):\n    return sum(prices) / len(prices)\n"})
    repository.git("add", "--all")
    before = small.door.asked
    program = Path(sys.executable).with_name("agents")
    ran = await asyncio.create_subprocess_exec(
        *(str(program), "review", "--staged", "--json", "--model", "small"),
        cwd=tmp_path / "repo",
        env=os.environ | {"OPENAI_BASE_URL": small.url},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await ran.communicate()
    assert ran.returncode in (COMPLETE, FOUND, INCOMPLETE)
    report = json.loads(output)
    assert [file["path"] for file in report["change_map"]["files"]] == ["total.py"]
    assert report["usage"]["requests"] == small.door.asked - before > 0
    assert report["usage"]["input_tokens"] > 100
    assert bool(report["incomplete"]) is (ran.returncode == INCOMPLETE)
