"""Reviews with a model: a real HTTP server on loopback that answers by script."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from integrations.llm.testing import Asked, ErrorReply, Reply, ScriptedModel
from tests.integrations.cli.conftest import AFTER, BEFORE
from tests.integrations.cli.program import Ended, run, started
from tests.integrations.code_review.repository import Repository

Answering = Callable[[Asked], Reply | ErrorReply]

_QUOTE = 'subprocess.run(f"git tag {name}-{version}", shell=True, check=True)'
_CLAIM = {"line": 5, "quote": _QUOTE, "severity": "high", "category": "security", "claim": "Runs any name."}
_PROVEN = {"verdict": "proven", "quote": _QUOTE, "reason": "The name is pasted into a shell."}
_NOTHING = json.dumps({"findings": []})


def _answer(asked: Asked) -> Reply:
    """Claims one thing about release.py, and stands by it."""
    schema = json.dumps(asked.body["response_format"])
    if "verdict" in schema:
        return Reply(json.dumps(_PROVEN))
    return Reply(json.dumps({"findings": [_CLAIM]}) if "git tag" in asked.said else _NOTHING)


async def _reviewed(
    repository: Repository, model: ScriptedModel, *arguments: str, named: str = "scripted"
) -> Ended:
    environment = {"OPENAI_BASE_URL": model.url, "OPENAI_MODEL": named}
    return await asyncio.to_thread(
        run, "review", "--json", *arguments, folder=repository.root, environment=environment
    )


def _rules(ended: Ended) -> list[str]:
    return [one["rule"] for one in json.loads(ended.out)["findings"]]


async def _with_model(
    repository: Repository,
    script: Callable[[Asked], Reply | ErrorReply],
    *arguments: str,
    named: str = "scripted",
) -> tuple[Ended, int]:
    async with ScriptedModel(script) as model:
        return await _reviewed(repository, model, *arguments, named=named), len(model.asked)


def test_a_configured_model_reads_along(repository: Repository) -> None:
    ended, asked = asyncio.run(_with_model(repository, _answer))
    report = json.loads(ended.out)
    assert "model/security" in _rules(ended)
    assert (ended.code, report["mode"], report["model"], ended.err) == (1, "llm", "scripted", "")
    assert report["usage"]["requests"] == asked == 3
    assert report["usage"]["input_tokens"] == 30


def test_offline_asks_nobody(repository: Repository) -> None:
    ended, asked = asyncio.run(_with_model(repository, _answer, "--offline"))
    assert (ended.code, json.loads(ended.out)["mode"], asked) == (0, "offline", 0)


def test_a_model_without_a_name_is_not_asked(repository: Repository) -> None:
    ended, asked = asyncio.run(_with_model(repository, _answer, named=""))
    assert (ended.code, asked) == (0, 0)
    assert "name one by --model or OPENAI_MODEL" in ended.line


@pytest.mark.parametrize(("named", "asked"), [("", "preferred"), ("mine", "mine")])
def test_the_settings_of_the_base_may_name_it(named: str, asked: str, repository: Repository) -> None:
    repository.commit({".codereview.toml": 'model = "preferred"\n', "release.py": BEFORE})
    repository.write({"release.py": AFTER, ".codereview.toml": 'model = "other"\n'})
    ended, _ = asyncio.run(_with_model(repository, _answer, named=named))
    assert json.loads(ended.out)["model"] == asked


def test_settings_without_a_key_ask_nobody(repository: Repository) -> None:
    repository.commit({".codereview.toml": 'model = "preferred"\n', "release.py": BEFORE})
    repository.write({"release.py": AFTER})
    ended = run("review", "--json", folder=repository.root)
    assert (ended.code, json.loads(ended.out)["mode"], ended.err) == (0, "offline", "")


def test_a_model_that_refuses_leaves_the_rules_findings(repository: Repository) -> None:
    ended, _ = asyncio.run(_with_model(repository, lambda _: ErrorReply(400, message="no such model")))
    assert (ended.code, "check/shell" in _rules(ended)) == (3, True)
    assert "no such model" in json.loads(ended.out)["incomplete"][0]["reason"]


def test_an_unreachable_model_is_one_line_and_an_incomplete_review(repository: Repository) -> None:
    environment = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_MODEL": "m"}
    ended = run("review", "--json", folder=repository.root, environment=environment)
    report = json.loads(ended.out)
    assert (ended.code, "check/shell" in _rules(ended)) == (3, True)
    assert ended.line.startswith("agents: m at http://127.0.0.1:9/v1 cannot be reached")
    assert {one["path"] for one in report["incomplete"]} == set(report["files_reviewed"])


def test_answers_may_come_from_a_file(repository: Repository) -> None:
    script: list[dict[str, Any]] = [
        {"purpose": "review", "path": "release.py", "answer": {"findings": [_CLAIM]}},
        {"purpose": "verify", "path": "release.py", "answer": _PROVEN},
    ]
    repository.write({"answers.json": json.dumps(script), "none.json": "[]"})
    told = run("review", "--json", "--scripted", "answers.json", folder=repository.root)
    silent = run("review", "--json", "--scripted", "none.json", folder=repository.root)
    assert "model/security" in _rules(told)
    assert ("model/security" in _rules(silent), silent.err) == (False, "")


@pytest.mark.parametrize(("how", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, -15)])
def test_a_review_stopped_between_two_answers_goes_on_and_asks_no_answered_question_again(
    how: signal.Signals, code: int, repository: Repository
) -> None:
    stopped, resumed, asked = asyncio.run(_stopped_and_resumed(repository, how))
    subjects = ["notes.md" if "Tag, then push." in one.said else "release.py" for one in asked]
    assert (stopped, subjects) == (code, ["notes.md", "release.py", "release.py", "release.py"])
    assert resumed.line == "agents: resumed: 12 finished steps not repeated"
    assert (resumed.code, "model/security" in _rules(resumed)) == (1, True)


async def _stopped_and_resumed(repository: Repository, how: signal.Signals) -> tuple[int, Ended, list[Asked]]:
    async with ScriptedModel(_stalling(asyncio.Event())) as model:
        environment = {"OPENAI_BASE_URL": model.url, "OPENAI_MODEL": "scripted"}
        with started("review", folder=repository.root, environment=environment) as program:
            await model.was_asked(2)
            program.send_signal(how)
            stopped = await asyncio.to_thread(program.wait)
        return stopped, await _reviewed(repository, model), model.asked


def test_a_second_review_of_a_change_is_refused_while_the_first_goes_on(
    repository: Repository,
) -> None:
    async def both() -> tuple[Ended, int]:
        async with ScriptedModel(_stalling(goes_on := asyncio.Event())) as model:
            environment = {"OPENAI_BASE_URL": model.url, "OPENAI_MODEL": "scripted"}
            with started("review", folder=repository.root, environment=environment) as program:
                await model.was_asked(2)
                busy = await _reviewed(repository, model)
                goes_on.set()
                return busy, await asyncio.to_thread(program.wait)

    busy, code = asyncio.run(both())
    assert (busy.code, "is in use, probably by a review of the same change" in busy.line) == (2, True)
    assert code == 1


def _stalling(until: asyncio.Event) -> Answering:
    """Answers, but the second question not before this is set."""
    asked: list[Asked] = []

    def reply(question: Asked) -> Reply | ErrorReply:
        asked.append(question)
        answer = _answer(question)
        return replace(answer, hold=until) if len(asked) == 2 else answer

    return reply


@pytest.mark.parametrize("arguments", [["--model", "named"], ["--model", "named", "--again"]])
def test_the_named_model_wins(arguments: list[str], repository: Repository) -> None:
    ended, _ = asyncio.run(_with_model(repository, _answer, *arguments))
    assert json.loads(ended.out)["model"] == "named"
