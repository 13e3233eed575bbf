from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.code_review.__main__ import main
from benchmarks.code_review.choose import chosen
from benchmarks.code_review.commits import PARTS, PROJECTS, Commit, clone_of, commits
from benchmarks.code_review.measure import review
from benchmarks.code_review.report import part_table, rule_table
from integrations.code_review.apart import Apart
from tests.integrations.code_review.repository import Repository

_FAULTY = "def pay(a):\n    go(a)\n    return a\n"
_FIXED = "def pay(a):\n    if a < 0:\n        raise ValueError(a)\n    go(a)\n    return a\n"


def test_both_parts_have_commits_of_all_projects_and_none_is_in_both() -> None:
    kept = commits()
    counted = Counter((one.part, one.project, one.kind) for one in kept)
    assert {(part, project) for part, project, _ in counted} == {(a, b) for a in PARTS for b in PROJECTS}
    assert all(counted["tuned", project, kind] == 30 for project in PROJECTS for kind in ("fix", "ordinary"))
    assert sum(one.part == "held-out" and one.kind == "fix" for one in kept) >= 150
    assert sum(one.part == "held-out" and one.kind == "ordinary" for one in kept) >= 150
    assert len({one.id for one in kept}) == len(kept)


def test_what_was_seen_is_not_held_out_nor_the_same_change_on_another_branch(tmp_path: Path) -> None:
    repository = Repository.create(tmp_path)
    repository.commit({"shop.py": _FAULTY}, "Fix documentation")
    seen = repository.commit({"shop.py": _FIXED}, "Fix negative amounts")
    repository.commit({"shop.py": _FAULTY}, "Fix the fix")
    repository.commit({"shop.py": _FIXED}, "Fix negative amounts")
    assert next(chosen("a/b", tmp_path, "tuned")).id == seen
    (left,) = chosen("a/b", tmp_path, "held-out", [seen])
    assert (left.part, left.id != seen) == ("held-out", True)


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
    assert [one.kind for one in chosen("a/b", tmp_path, "tuned")] == kinds


@pytest.mark.parametrize(
    ("path", "new"),
    [("tests/test_shop.py", _FIXED), ("shop.py", f'"""Text."""\n{_FAULTY}'), ("shop.py", "(")],
)
def test_what_changes_no_program_is_not_chosen(tmp_path: Path, path: str, new: str) -> None:
    repository = Repository.create(tmp_path)
    repository.commit({path: _FAULTY}, "Fix documentation")
    repository.commit({path: new}, "Fix negative amounts")
    assert list(chosen("a/b", tmp_path, "tuned")) == []


def test_a_fix_is_reviewed_backwards_and_an_ordinary_commit_forwards(tmp_path: Path) -> None:
    repository = Repository.create(tmp_path)
    repository.commit({"shop.py": _FAULTY})
    head = repository.commit({"shop.py": _FIXED})
    with Apart() as apart:
        backwards = review(Commit("tuned", "a/b", "fix", head), tmp_path, apart)
        forwards = review(Commit("tuned", "a/b", "ordinary", head), tmp_path, apart)
    assert [one.rule for one in backwards.hits()] == ["signal/branch-lost"]
    assert (forwards.added, forwards.loud()) == (2, ())
    assert "| **all** | 1 of 1 (100%) | 1 of 1 (100%) | 2 | 0 | 0.00 |" in part_table([backwards, forwards])
    assert "| `signal/branch-lost` | 1 | 0 |" in rule_table([backwards, forwards])


def test_projects_that_are_not_there_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "flask.git").mkdir()
    assert clone_of("pallets/flask", tmp_path) == tmp_path / "flask.git"
    with pytest.raises(SystemExit) as ended:
        main(["--repositories", str(tmp_path / "nowhere")])
    assert ended.value.code == 2
    assert "left out: django/django" in capsys.readouterr().err
