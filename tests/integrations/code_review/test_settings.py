from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.code_review.errors import SettingsError
from integrations.code_review.finding import Severity
from integrations.code_review.git import Git
from integrations.code_review.globs import matches
from integrations.code_review.settings import Settings, load_settings, parse_settings
from tests.integrations.code_review.repository import Repository

_TABLE = 'fail_on = "low"\nmax_findings = 3\nignore = ["docs/"]\n'


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, Settings()),
        ({".codereview.toml": _TABLE}, Settings(fail_on=Severity.LOW, max_findings=3, ignore=("docs/",))),
        ({"pyproject.toml": '[tool.codereview]\nprofile = "quiet"\n'}, Settings(profile="quiet")),
        ({"pyproject.toml": "[project]\nname = 'x'\n"}, Settings()),
        (
            {
                ".codereview.toml": 'profile = "strict"\n',
                "pyproject.toml": '[tool.codereview]\nprofile = "quiet"\n',
            },
            Settings(profile="strict"),
        ),
    ],
)
def test_where_settings_come_from(tmp_path: Path, files: dict[str, str], expected: Settings) -> None:
    commit = Repository.create(tmp_path).commit({"a": "", **files})
    assert load_settings(Git(tmp_path), commit) == expected


def test_a_later_commit_does_not_change_them(tmp_path: Path) -> None:
    repository = Repository.create(tmp_path)
    base = repository.commit({"a": ""})
    repository.commit({".codereview.toml": 'ignore = ["**"]\n'})
    assert load_settings(Git(tmp_path), base) == Settings()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("max_finding = 3\n", "unknown setting max_finding; did you mean max_findings?"),
        ("colour = 3\n", "unknown setting colour; known are analysers, budget_cost, budget_tokens"),
        ('fail_on = "severe"\n', "fail_on: Input should be 'critical', 'high'"),
        ("max_findings = 0\n", "max_findings: Input should be greater than or equal to 1"),
        ('analysers = ["ruff", "magic"]\n', "analysers.1: Input should be"),
        ("= 3\n", "is not TOML"),
        ("ignore = 3\n", "ignore: Input should be a valid tuple"),
    ],
)
def test_wrong_settings_are_named(content: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings(content.encode(), ".codereview.toml")
    assert words in str(caught.value)
    assert str(caught.value).startswith(".codereview.toml of the commit before the change")


@pytest.mark.parametrize(
    ("profile", "cap", "floor"), [("quiet", 5, "medium"), ("normal", 8, "note"), ("strict", 50, "note")]
)
def test_profiles(profile: str, cap: int, floor: str) -> None:
    settings = Settings.model_validate({"profile": profile})
    assert (settings.cap, settings.floor) == (cap, floor)
    assert Settings.model_validate({"profile": profile, "max_findings": 2, "min_severity": "low"}).cap == 2


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("a/b.py", "*.py", True),
        ("a/b.py", "a/*.py", True),
        ("a/c/b.py", "a/*.py", False),
        ("a/c/b.py", "a/**/*.py", True),
        ("a/b.py", "a/**/*.py", True),
        ("docs/x/y.md", "docs/", True),
        ("src/docs/y.md", "docs/", True),
        ("src/docs/y.md", "/docs/", False),
        ("docsy/y.md", "docs/", False),
        ("a.pyc", "*.py", False),
        ("a+b.py", "a+b.py", True),
        ("check/todo", "todo", True),
        ("signal/early-exit", "signal/*", True),
    ],
)
def test_patterns(path: str, pattern: str, expected: bool) -> None:
    assert matches(path, pattern) == expected


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_pattern_is_a_pattern(path: str, pattern: str) -> None:
    assert matches(path, pattern) in (True, False)


def test_include_and_ignore() -> None:
    settings = Settings(include=("src/",), ignore=("*_old.py",))
    assert [path for path in ("src/a.py", "src/b_old.py", "x.py") if settings.wants(path)] == ["src/a.py"]
