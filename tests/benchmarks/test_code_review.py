from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.code_review.__main__ import main
from benchmarks.code_review.choose import chosen
from benchmarks.code_review.commits import HELD_OUT, PROJECTS, TUNED, Commit, clone_of, commits
from benchmarks.code_review.measure import review
from benchmarks.code_review.report import half_table, rule_table
from integrations.code_review.apart import Apart
from tests.integrations.code_review.repository import Repository

_FAULTY = "def pay(a):\n    go(a)\n    return a\n"
_FIXED = "def pay(a):\n    if a < 0:\n        raise ValueError(a)\n    go(a)\n    return a\n"


def test_thirty_fixes_and_thirty_ordinary_commits_of_each_project_are_kept() -> None:
    kept = commits()
    assert Counter((one.project, one.kind) for one in kept) == {
        (project, kind): 30 for project in PROJECTS for kind in ("fix", "ordinary")
    }
    assert len({(one.project, one.id) for one in kept}) == len(kept)
    assert not set(TUNED) & set(HELD_OUT)


@pytest.mark.parametrize(
    ("message", "kinds"),
    [
        ("Fix negative amounts", ["fix"]),
        ("Fixed #12 -- Refuse negative amounts", ["ordinary"]),
        ("Refuse negative amounts", ["ordinary"]),
        ("Fix a typo in the docs", []),
        ("Refuse amounts\n\nThey were wrong.", []),
    ],
)
def test_the_message_decides_what_a_commit_is(tmp_path: Path, message: str, kinds: list[str]) -> None:
    repository = Repository.create(tmp_path)
    repository.commit({"README": "x"})
    repository.commit({"shop.py": _FAULTY}, "Fix documentation")
    repository.commit({"shop.py": _FIXED}, message)
    assert [one.kind for one in chosen("a/b", tmp_path)] == kinds


@pytest.mark.parametrize(
    ("path", "new"),
    [("tests/test_shop.py", _FIXED), ("shop.py", f'"""Text."""\n{_FAULTY}'), ("shop.py", "(")],
)
def test_what_changes_no_program_is_not_chosen(tmp_path: Path, path: str, new: str) -> None:
    repository = Repository.create(tmp_path)
    repository.commit({path: _FAULTY}, "Fix documentation")
    repository.commit({path: new}, "Fix negative amounts")
    assert list(chosen("a/b", tmp_path)) == []


def test_a_fix_is_reviewed_backwards_and_an_ordinary_commit_forwards(tmp_path: Path) -> None:
    repository = Repository.create(tmp_path)
    repository.commit({"shop.py": _FAULTY})
    head = repository.commit({"shop.py": _FIXED})
    with Apart() as apart:
        backwards = review(Commit("a/b", "fix", head), tmp_path, apart)
        forwards = review(Commit("a/b", "ordinary", head), tmp_path, apart)
    assert [one.rule for one in backwards.hits()] == ["signal/branch-lost"]
    assert (forwards.added, forwards.loud()) == (2, ())
    assert "| **all** | 1 of 1 (100%) | 1 of 1 (100%) | 2 | 0 | 0.00 |" in half_table([backwards, forwards])
    assert "| `signal/branch-lost` | 1 | 0 |" in rule_table([backwards, forwards])


def test_projects_that_are_not_there_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "flask.git").mkdir()
    assert clone_of("pallets/flask", tmp_path) == tmp_path / "flask.git"
    with pytest.raises(SystemExit) as ended:
        main(["--repositories", str(tmp_path / "nowhere")])
    assert ended.value.code == 2
    assert "left out: django/django" in capsys.readouterr().err
