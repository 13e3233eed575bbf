"""C9: killed at any failpoint, the next process uses the same overlay; nothing recorded is paid again."""

import asyncio
import json
import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from integrations.compaction import Overlay
from integrations.llm.testing import Asked, ScriptedModel
from tests.fault.sizes import size
from tests.integrations.compaction.crashing import TURNS

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the children are forked"),
]


@pytest.mark.timeout(size(300, 3_600))
async def test_c9_a_kill_at_any_point_has_no_recorded_summary_paid_again(tmp_path: Path) -> None:
    asked: Counter[str] = Counter()

    def answer(request: Asked) -> str:
        asked[request.body["model"]] += 1
        return f"Answer {asked[request.body['model']]}."

    async with ScriptedModel(answer) as model:
        program = [
            "-m",
            "tests.integrations.compaction.crashing",
            str(tmp_path),
            model.url,
            str(size(6, 1_000)),
        ]
        child = await asyncio.create_subprocess_exec(sys.executable, *program, stdout=asyncio.subprocess.PIPE)
        told, _ = await child.communicate()
    assert child.returncode == 0
    kills = [json.loads(line) for line in told.decode().splitlines()]
    assert len(kills) >= 6
    assert [kill["point"] for kill in kills if not kill["ended"] or len(kill["then"]) != len(TURNS)] == []
    assert sum(not kill["survived"] for kill in kills) > len(kills) // 2, "they do die"
    for kill in kills:
        assert kill["then"][: len(kill["first"])] == kill["first"], "what was used is used again"
        plans = [Overlay.model_validate_json(overlay) for overlay in kill["then"]]
        assert [one.fallback for one in plans] == [False] * len(TURNS)
        assert len({one.plan_hash for one in plans}) == len(TURNS)
        lost = asked[kill["point"]] - len(TURNS)
        assert lost in (0, 1), "one answer may be lost on its way to the record, no recorded one is"
        assert lost == 0 or len(kill["first"]) < len(TURNS)
