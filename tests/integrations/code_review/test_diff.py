from __future__ import annotations

import difflib
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integrations.code_review.diff.apply import applied, split_lines
from integrations.code_review.diff.model import FilePatch
from integrations.code_review.diff.parser import parse_diff
from integrations.code_review.errors import DiffError
from integrations.code_review.git import Git
from tests.integrations.code_review.repository import Repository

_TRICKY = ["", "a", "b", "-- x", "++ y", "--- a/x", "+++ b/x", "@@ -1 +1 @@", "\\ No newline", "x\r", "\r"]
_LINES = st.lists(
    st.sampled_from(_TRICKY)
    | st.binary(max_size=6).map(
        lambda raw: raw.replace(b"\n", b"").replace(b"\0", b"").decode("utf-8", "surrogateescape")
    ),
    max_size=12,
)


def _texts() -> st.SearchStrategy[str]:
    return st.builds(lambda lines, end: "\n".join(lines) + end, _LINES, st.sampled_from(["", "\n"]))


def _only(content: bytes) -> FilePatch:
    (patch,) = parse_diff(content)
    return patch


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pair")


def _git_diff(folder: Path, old: str, new: str) -> bytes:
    for name, text in (("old", old), ("new", new)):
        (folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    command = ["git", "-c", "core.quotePath=false", "diff", "--no-index", "--text", "old", "new"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).stdout


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_texts(), _texts())
def test_a_diff_of_git_applied_to_the_old_text_gives_the_new(folder: Path, old: str, new: str) -> None:
    content = _git_diff(folder, old, new)
    if old == new:
        assert parse_diff(content) == ()
        return
    patch = _only(content)
    assert applied(patch, old) == new
    before, after = split_lines(old), split_lines(new)
    for hunk in patch.hunks:
        for line in hunk.lines:
            full = f"{line.text}\n" if line.ends else line.text
            assert line.old is None or before[line.old - 1] == full
            assert line.new is None or after[line.new - 1] == full


@settings(max_examples=150, deadline=None)
@given(_LINES, _LINES, st.integers(0, 3))
def test_what_difflib_writes_is_read_back(old: list[str], new: list[str], context: int) -> None:
    written = list(difflib.unified_diff(old, new, "a/f", "b/f", lineterm="", n=context))
    content = "\n".join(written).encode("utf-8", "surrogateescape")
    marks = [
        (line.mark, line.text) for patch in parse_diff(content) for hunk in patch.hunks for line in hunk.lines
    ]
    truth = [(line[0], line[1:]) for line in _without_headers(written)]
    assert marks == truth


def _without_headers(written: list[str]) -> list[str]:
    lines: list[str] = []
    left = 0
    for line in written[2:]:
        if left == 0 and line.startswith("@@"):
            counts = [part.split(",") for part in line.split(" ")[1:3]]
            left = sum(int(part[1]) if len(part) > 1 else 1 for part in counts)
            continue
        lines.append(line)
        left -= 2 if line[0] == " " else 1
    return lines


def _failing_line(content: bytes) -> int:
    try:
        parse_diff(content)
    except DiffError as error:
        return error.line
    return 1


@given(st.binary(max_size=300))
def test_any_bytes_are_a_diff_or_a_diff_error(content: bytes) -> None:
    assert 1 <= _failing_line(content) <= content.count(b"\n") + 2


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_diff_never_escapes_as_another_error(data: st.DataObject) -> None:
    lines = _NASTY.split(b"\n")
    at = data.draw(st.integers(0, len(lines) - 1))
    lines[at : at + data.draw(st.integers(0, 3))] = data.draw(st.lists(st.sampled_from(lines), max_size=2))
    assert 1 <= _failing_line(b"\n".join(lines)) <= len(lines) + 1


_NASTY = b"""\
diff --git a/a b.txt b/a b.txt
index 111111111..222222222 100644
--- a/a b.txt\t
+++ b/a b.txt\t
@@ -1,2 +1,2 @@ def f():
--- removed
+++ added
 same
diff --git a/old.py b/new.py
similarity index 90%
rename from old.py
rename to new.py
index 111111111..222222222
--- a/old.py
+++ b/new.py
@@ -3 +3 @@
-x
\\ No newline at end of file
+y
"""


def test_lines_that_look_like_headers_belong_to_the_hunk() -> None:
    first, second = parse_diff(_NASTY)
    assert [line.text for line in first.hunks[0].lines] == ["-- removed", "++ added", "same"]
    assert (second.old_path, second.new_path, second.status) == ("old.py", "new.py", "renamed")
    assert [line.ends for line in second.hunks[0].lines] == [False, True]


@pytest.mark.parametrize(
    ("before", "after", "status", "path"),
    [
        ({}, {"new file.txt": "x\n"}, "added", "new file.txt"),
        ({}, {"empty": ""}, "added", "empty"),
        ({"gone.py": "x\n"}, {"gone.py": None}, "deleted", "gone.py"),
        ({"e": ""}, {"e": None}, "deleted", "e"),
        ({"a.txt": "1\n2\n3\n4\n"}, {"a.txt": None, "b/c d.txt": "1\n2\n3\n4\n"}, "renamed", "b/c d.txt"),
        ({"naïve-ü.py": "x\n"}, {"naïve-ü.py": "y\n"}, "modified", "naïve-ü.py"),
        ({'q"uo\tte\\.py': "x\n"}, {'q"uo\tte\\.py': "y\n"}, "modified", 'q"uo\tte\\.py'),
        ({"a b/b c": "x\n"}, {"a b/b c": "y\n"}, "modified", "a b/b c"),
        ({"bin": b"\0\1"}, {"bin": b"\0\2"}, "modified", "bin"),
        ({"bin x": b"\0\1"}, {"bin x": None}, "deleted", "bin x"),
        ({}, {"byte\udcff.txt": "x\n"}, "added", "byte\udcff.txt"),
    ],
)
def test_names_and_kinds_of_changes(
    tmp_path: Path,
    before: dict[str, str | bytes | None],
    after: dict[str, str | bytes | None],
    status: str,
    path: str,
) -> None:
    repository = Repository.create(tmp_path)
    old = repository.commit(before)
    new = repository.commit(after)
    patch = _only(Git(tmp_path).diff(old, new))
    assert (patch.status, patch.path) == (status, path)
    assert patch.binary == path.startswith("bin")


def test_a_change_of_the_mode_alone(tmp_path: Path) -> None:
    repository = Repository.create(tmp_path)
    old = repository.commit({"run me": "x\n"})
    repository.git("update-index", "--chmod=+x", "run me")
    patch = _only(Git(tmp_path).diff("--cached", old))
    assert (patch.status, patch.path, patch.old_mode, patch.new_mode) == (
        "mode",
        "run me",
        "100644",
        "100755",
    )


@pytest.mark.parametrize(
    ("written", "old", "new"),
    [
        (
            b"--- a/x.py\t2020-01-01 00:00\n+++ b/x.py\t2020-01-02 00:00\n@@ -1 +1 @@\n-a\n+b\n",
            "x.py",
            "x.py",
        ),
        (b"--- x.py\n+++ x.py\n@@ -1 +1 @@\n-a\n+b\n", "x.py", "x.py"),
        (b"--- /dev/null\n+++ b/x.py\n@@ -0,0 +1 @@\n+b\n", None, "x.py"),
        (b"diff --git src/x src/x\n--- src/x\n+++ src/x\n@@ -1 +1 @@\n-a\n+b\n", "src/x", "src/x"),
        (b"diff --git i/x w/x\n--- i/x\n+++ w/x\n@@ -1 +1 @@\n-a\n+b\n", "x", "x"),
        (
            b"From: me\n---\n x | 2\n\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n-- \n2\n",
            "x",
            "x",
        ),
    ],
)
def test_diffs_of_other_programs(written: bytes, old: str | None, new: str) -> None:
    patch = _only(written)
    assert (patch.old_path, patch.new_path) == (old, new)
    assert list(patch.added().values()) == ["b"]


@pytest.mark.parametrize(
    ("written", "line", "words"),
    [
        (b"hello\nworld\n", 1, "no file header"),
        (b"@@ -1 +1 @@\n-a\n+b\n", 1, "without the name"),
        (b"--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n-a\n+b\n", 6, "ends inside a hunk"),
        (b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n+c\n", 6, "more lines than its header"),
        (b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\nb\n", 5, "fits neither side"),
        (b"--- a/x\n+++ b/x\n@@ nonsense @@\n-a\n+b\n", 3, "must start like"),
        (b"--- a/x\n+++ b/x\nnothing\n", 3, "must follow"),
        (b"diff --cc x\n", 1, "merge"),
        (b"diff --git a/x b/y b/zz\n", 1, "old name ends"),
    ],
)
def test_what_does_not_parse_is_named_with_its_line(written: bytes, line: int, words: str) -> None:
    with pytest.raises(DiffError, match=words) as caught:
        parse_diff(written)
    assert caught.value.line == line


def test_a_patch_of_another_text_does_not_apply() -> None:
    patch = _only(b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
    assert applied(patch, "a\n") == "b\n"
    assert applied(patch, "c\n") is None
