from __future__ import annotations

from pathlib import Path

import pytest

from integrations.cli.errors import CommandError
from integrations.cli.review.question import Question


def _asked(*words: str) -> Question:
    return Question.of(words, base=None, staged=False, patch=None)


@pytest.mark.parametrize("word", ["A..B", "..B", "A..", "main...feature/a..b", "v1.0..v2.0"])
def test_two_dots_make_a_range(word: str) -> None:
    assert _asked(word) == Question(folder=Path(), revisions=word)


@pytest.mark.parametrize("word", ["..", "../", "../..", "sub/.."])
def test_a_way_upwards_is_a_folder(word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub" / "sub").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "sub")
    assert _asked(word) == Question(folder=Path(word))


def test_folder_and_range_come_in_any_order(tmp_path: Path) -> None:
    expected = Question(folder=tmp_path, revisions="A..B")
    assert _asked("A..B", str(tmp_path)) == _asked(str(tmp_path), "A..B") == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a..b", "c..d"], "one range"),
        ([".", ".."], "one folder"),
        (["no-such-thing"], "neither a folder nor a range: for a branch write --base no-such-thing"),
    ],
)
def test_other_words_are_refused(words: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        _asked(*words)
