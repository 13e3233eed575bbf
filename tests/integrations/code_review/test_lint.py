from __future__ import annotations

from pathlib import Path

import pytest

from integrations.code_review.lint import lint_files, ruff_program

_TEXT = "import os\n\n\ndef f(x, y=[]):\n    return undefined_name\n"
RUFF = ruff_program()
needs_ruff = pytest.mark.skipif(RUFF is None, reason="ruff is not installed")


@needs_ruff
def test_only_added_lines_are_spoken_of() -> None:
    found = lint_files({"a.py": _TEXT}, {"a.py": frozenset({5})}, program=RUFF)
    assert [(one.rule, one.line, one.severity) for one in found.findings] == [("lint/F821", 5, "medium")]
    assert found.findings[0].evidence == "return undefined_name"


@needs_ruff
def test_no_settings_but_ours_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "ruff" / "ruff.toml"
    settings.parent.mkdir()
    settings.write_text('[lint.per-file-ignores]\n"*.py" = ["ALL"]\n')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("RUFF_CONFIG", str(settings))
    monkeypatch.chdir(settings.parent)
    found = lint_files({"../../a.py": _TEXT}, {"../../a.py": frozenset({5})}, program=RUFF)
    assert [one.path for one in found.findings] == ["../../a.py"]


@needs_ruff
def test_files_of_one_name_are_kept_apart_and_broken_ones_say_nothing() -> None:
    texts = {"a/x.py": _TEXT, "b/x.py": "def (:\n"}
    found = lint_files(texts, dict.fromkeys(texts, frozenset({1, 4, 5})), program=RUFF)
    assert {one.path for one in found.findings} == {"a/x.py"}


@pytest.mark.parametrize(
    ("program", "words"),
    [(None, "ruff is not installed"), ("/nowhere/ruff", "could not be asked"), ("/bin/false", "ended")],
)
def test_without_ruff_that_is_said(program: str | None, words: str) -> None:
    found = lint_files({"a.py": _TEXT}, {"a.py": frozenset({5})}, program=program)
    assert (found.findings, words in found.missing) == ((), True)
