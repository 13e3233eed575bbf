"""`python -m benchmarks` with tiny sizes: real engines, real files, real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import main

ROOT = Path(__file__).parent.parent.parent


def test_questions_are_answered_as_a_table_as_json_and_as_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document, page = tmp_path / "out.json", tmp_path / "RESULTS.md"
    wanted = ["latency", "recovery", "--quick", "--no-peers", "--count", "50"]
    assert main([*wanted, "--json", str(document), "--markdown", str(page)]) == 0
    shown = capsys.readouterr()
    assert "ceiling: sqlite3" in shown.out
    assert "[recovery" in shown.err
    told = json.loads(document.read_text(encoding="utf-8"))
    assert told["command"].startswith("python -m benchmarks latency recovery --quick")
    assert {"date", "machine", "Python", "SQLite"} <= set(told["machine"])
    latency, recovery = told["answers"]
    who = [figure["who"] for figure in latency["figures"] if figure["what"] == "p50"]
    assert who == ["Perdure", "ceiling: sqlite3", "ceiling: aiosqlite", "Perdure / better ceiling"]
    assert latency["skipped"] == [{"who": "all peers", "why": "nobody asked for them"}]
    first, every = recovery["figures"]
    assert 0 < first["value"] <= every["value"]
    assert first["goal"] == {"sign": "≤", "bound": 2.0}
    assert "| p50 | Perdure |" in page.read_text(encoding="utf-8")


def test_schedules_are_measured_and_counted(tmp_path: Path) -> None:
    document = tmp_path / "out.json"
    wanted = ["schedules-million", "schedules-rate", "--quick", "--no-peers", "--count", "200"]
    assert main([*wanted, "--json", str(document)]) == 0
    million, rate = json.loads(document.read_text(encoding="utf-8"))["answers"]
    goals = {figure["what"]: figure["goal"] for figure in million["figures"] if figure["goal"]}
    assert goals["start with 200 pending: memory"] == {"sign": "≤", "bound": 100}
    assert goals["add one: p99 with 200 / with 20"] == {"sign": "≤", "bound": 3}
    found = {figure["what"]: figure["value"] for figure in rate["figures"]}
    assert (found["early"], found["lost"], found["doubled"]) == (0, 0, 0)
    assert 0 < found["lateness p50"] <= found["lateness p99"] <= found["lateness most"]


def test_clients_that_take_nothing_are_measured(tmp_path: Path) -> None:
    document = tmp_path / "out.json"
    assert main(["sockets", "--quick", "--json", str(document)]) == 0
    [sockets] = json.loads(document.read_text(encoding="utf-8"))["answers"]
    told = {(figure["what"], figure["who"]): figure["value"] for figure in sockets["figures"]}
    for who in ("all read", "a tenth does not"):
        assert 0 < told["paced: delivery p50", who] <= told["paced: delivery p99", who]
    assert told["waits for one that takes nothing", "a tenth does not"] < 1


def test_a_question_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["speed"])
    assert ended.value.code == 2
    assert "no question speed: there are latency, throughput" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--list", "--help"])
def test_the_questions_can_be_looked_at(option: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks", option], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ("1,000 WebSocket connections" in run.stdout) is (option == "--list")
