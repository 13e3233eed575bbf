from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from integrations.cli.main import main
from tests.integrations.cli.conftest import AFTER, BEFORE
from tests.integrations.cli.program import run
from tests.integrations.code_review.repository import Repository

pytestmark = pytest.mark.usefixtures("repository")
Capture = pytest.CaptureFixture[str]

_KEYS = {"mode", "files_reviewed", "files_skipped", "findings", "usage"}
_FINDING_KEYS = {"path", "line", "end_line", "severity", "rule", "message", "evidence"}


def _review(capsys: Capture, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, JSON report, and what was told on the side."""
    code = main(["review", "--json", *arguments])
    out, err = capsys.readouterr()
    return code, json.loads(out), err


def _shell_lines(report: dict[str, Any]) -> list[tuple[str, int]]:
    return [(one["path"], one["line"]) for one in report["findings"] if one["rule"] == "check/shell"]


def test_the_uncommitted_change_is_reviewed_by_default(capsys: Capture) -> None:
    code, report, err = _review(capsys)
    assert _shell_lines(report) == [("release.py", 5)]
    assert (code, report["mode"], err) == (0, "offline", "")
    assert set(report["files_reviewed"]) == {"release.py", "notes.md"}


def test_the_json_has_what_programs_were_promised(capsys: Capture) -> None:
    _, report, _ = _review(capsys)
    assert report.keys() >= _KEYS
    assert all(one.keys() >= _FINDING_KEYS for one in report["findings"])


def test_a_clean_tree_means_the_branch(repository: Repository, capsys: Capture) -> None:
    repository.git("switch", "-q", "-c", "topic")
    repository.commit({})
    _, report, _ = _review(capsys)
    assert report["title"] == "HEAD since main"
    assert _shell_lines(report) == [("release.py", 5)]


@pytest.mark.parametrize(
    "arguments", [["HEAD~1..HEAD"], ["--base", "HEAD~1"], ["--staged"], ["--patch", "p"]]
)
def test_other_changes_can_be_named(arguments: list[str], repository: Repository, capsys: Capture) -> None:
    repository.commit({}) if "--staged" not in arguments else repository.git("add", "--all")
    Path("p").write_text(repository.git("diff", "HEAD~1", "HEAD") + "\n" if "p" in arguments else "")
    _, report, _ = _review(capsys, *arguments)
    assert _shell_lines(report) == [("release.py", 5)]


def test_a_folder_of_the_repository_may_be_named(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    _, report, _ = _review(capsys, str(repository.root))
    assert _shell_lines(report) == [("release.py", 5)]


def test_a_patch_comes_through_a_pipe(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    diff = io.BytesIO(f"{repository.git('diff')}\n".encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(diff))
    _, report, _ = _review(capsys, "--patch", "-")
    assert (report["title"], _shell_lines(report)) == ("the patch on stdin", [("release.py", 5)])


@pytest.mark.parametrize(("measure", "code"), [("critical", 0), ("high", 0), ("medium", 1), ("note", 1)])
def test_the_exit_code_follows_the_measure(measure: str, code: int, capsys: Capture) -> None:
    assert _review(capsys, "--fail-on", measure)[0] == code


def test_the_settings_of_the_base_set_the_measure(repository: Repository, capsys: Capture) -> None:
    repository.commit({".codereview.toml": 'fail_on = "medium"\n', "release.py": BEFORE})
    repository.write({"release.py": AFTER})
    assert _review(capsys)[0] == 1
    assert _review(capsys, "--fail-on", "high")[0] == 0


def test_what_is_left_out_makes_it_incomplete(repository: Repository, capsys: Capture) -> None:
    repository.commit({".codereview.toml": "max_files = 1\n", "release.py": BEFORE, "notes.md": ""})
    repository.write({"release.py": AFTER, "notes.md": "more\n"})
    code, report, _ = _review(capsys)
    assert (code, len(report["incomplete"])) == (3, 1)


@pytest.mark.parametrize(
    ("form", "begins"), [("text", "Review of"), ("json", "{"), ("sarif", "{"), ("markdown", "#")]
)
def test_the_report_has_four_forms(form: str, begins: str, capsys: Capture) -> None:
    main(["review", "--format", form])
    out = capsys.readouterr().out
    assert out.startswith(begins)
    assert "release.py" in out


def test_a_finished_review_is_answered_from_its_record(capsys: Capture) -> None:
    _, first, _ = _review(capsys)
    _, second, err = _review(capsys)
    assert second == first
    assert err.startswith("agents: this change was reviewed before: answered from its record of ")
    assert _review(capsys, "--again") == (0, first, "")


def test_another_change_is_another_review(repository: Repository, capsys: Capture) -> None:
    _review(capsys)
    repository.write({"release.py": f"{AFTER}\n# TODO: sign it\n"})
    _, report, err = _review(capsys)
    assert (len(report["findings"]) > 1, err) == (True, "")


def test_the_review_may_be_kept_elsewhere(repository: Repository, tmp_path: Path, capsys: Capture) -> None:
    _review(capsys, "--db", str(tmp_path / "mine.db"))
    assert (tmp_path / "mine.db").exists()
    assert not list((repository.root / ".git").rglob("review-*.db"))


def test_the_real_program_writes_the_report_and_nothing_else(repository: Repository) -> None:
    ended = run("review", "--fail-on", "medium", folder=repository.root)
    assert (ended.code, ended.err) == (1, "")
    assert "release.py:5  medium  check/shell" in ended.out
