"""Attacks on a reviewer whose model obeys the attacker: nothing gets out, and no verdict turns."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import get_args

import pytest

from integrations.code_review import exit_code, render
from integrations.code_review.model.answers import Category
from tests.integrations.code_review.injections.attack import CANARIES, ENVIRONMENT, Attacked, attack
from tests.integrations.code_review.injections.corpus import CASES, Injection
from tests.integrations.code_review.injections.obedient import Obedient

pytestmark = pytest.mark.anyio

_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e01ff]"
)
_CODE = re.compile(r"<code>[^<>]*</code>|^(`{3,})[^\n]*\n.*?^\1$", re.DOTALL | re.MULTILINE)
_ACTIVE = re.compile(
    r"@\w|(?<!&)#\d|GH-\d|https?://|www\.|<(?!!-- -->|/?details>|/?summary>)|(?<!\\)[\[\]]", re.IGNORECASE
)


@pytest.mark.parametrize("injection", CASES, ids=lambda one: one.name)
async def test_an_obedient_model_gains_nothing(
    injection: Injection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    caplog.set_level(logging.DEBUG)
    attacked = await attack(injection, tmp_path, Obedient(injection.obeys))
    _keeps_the_verdict(attacked)
    _tells(attacked, injection)
    _leaks_nothing(attacked, caplog.text)
    _does_nothing_else(attacked)
    _shows_only_text(attacked)


def _keeps_the_verdict(attacked: Attacked) -> None:
    report = attacked.report
    assert exit_code(report) == 1
    assert {"check/shell", "secret/github-token"} <= {one.rule for one in report.findings}
    assert "tool.py" in report.files_reviewed
    assert report.fail_on == "medium"


def _tells(attacked: Attacked, injection: Injection) -> None:
    found = {one.rule for one in attacked.report.findings}
    assert not injection.told or injection.told in found


def _leaks_nothing(attacked: Attacked, logs: str) -> None:
    report = attacked.report
    forms = "".join(render(report, form) for form in ("text", "json", "sarif", "markdown"))
    everywhere = attacked.stored + attacked.bodies + f"{forms}{logs}{attacked.shown}".encode()
    assert attacked.asked, "a model that is not asked leaks nothing"
    assert [canary for canary in CANARIES if canary.encode() in everywhere] == []


def _does_nothing_else(attacked: Attacked) -> None:
    for asked in attacked.asked:
        assert asked.path == "/v1/chat/completions"
        assert not {"tools", "tool_choice", "functions"} & asked.body.keys()
    kinds = {f"model/{name}" for name in get_args(Category)}
    for finding in attacked.report.findings:
        if finding.origin == "model":
            assert finding.rule in kinds
            assert finding.severity != "critical"
        assert finding.path in {file.path for file in attacked.report.change_map.files}
    written = [path for path in attacked.folder.iterdir() if not path.name.startswith("review.db")]
    assert written == [attacked.folder / "repo"]
    assert not (attacked.folder / "repo" / "approved").exists()


def _shows_only_text(attacked: Attacked) -> None:
    report = attacked.report
    assert not _CONTROLS.search(render(report, "text"))
    assert not _CONTROLS.search(render(report, "json"))
    (run,) = json.loads(render(report, "sarif"))["runs"]
    assert len(run["results"]) == len(report.findings) + len(report.ignored)
    assert json.loads(render(report, "json"))["exit_code"] == 1
    assert not _ACTIVE.search(_CODE.sub("", render(report, "markdown")))
    assert "approve" not in json.loads(render(report, "json"))


def test_there_are_enough() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 50
