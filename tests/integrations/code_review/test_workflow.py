from __future__ import annotations

from pathlib import Path

import pytest

from integrations.code_review import CodeReview, ReviewEnv, choose_change, exit_code
from integrations.code_review.apart import Apart
from tests.integrations.code_review.repository import Files, Repository
from tests.integrations.code_review.reviewing import change, review, rules
from tests.integrations.code_review.test_hostile import DEEP
from workflows import Engine, WorkflowFailed

pytestmark = pytest.mark.anyio

_KEY = "sk_live_" + "aB3dE5gH7jK9mN1pQ2rS4tU6"
_OLD = "def f(a):\n    if a and a.open:\n        return a.read()\n    return None\n"
_NEW = f'KEY = "{_KEY}"\n\n\ndef f(a):\n    if a:\n        return a.read()\n    return None\n'


async def test_everything_is_found_in_one_review(tmp_path: Path) -> None:
    before = {"m.py": _OLD, "tests/test_m.py": "x = 1\n", "uv.lock": "1\n"}
    report = await review(
        change(tmp_path, before, {"m.py": _NEW, "uv.lock": "2\n", "x.yml": "a: 1 # TODO\n"})
    )
    assert rules(report) == {
        "secret/stripe-key": 1,
        "signal/operand-lost": 5,
        "check/todo": 1,
        "change/dependencies-file": 1,
        "change/untested": 1,
    }
    assert report.files_reviewed == ("m.py", "x.yml")
    assert [one.path for one in report.files_skipped] == ["uv.lock"]
    assert (report.mode, report.change_map.risk, exit_code(report)) == ("offline", "medium", 1)


async def test_a_credential_is_nowhere_in_the_file(tmp_path: Path) -> None:
    """Neither where it is found, nor on lines about which something else is said."""
    went = f'def f(a):\n    if a and a.opens("{_KEY}"):\n        return a\n    return None\n'
    came = f'def f(a):\n    if a:\n        return a\n    return eval("{_KEY}" + a)  # TODO {_KEY}\n'
    subject = change(tmp_path / "repo", {"m.py": went}, {"m.py": came})
    database = tmp_path / "reviews.db"
    report = await review(subject, path=str(database))
    assert {"check/eval", "check/todo", "signal/operand-lost"} <= rules(report).keys()
    assert _KEY[8:] not in report.model_dump_json()
    written = _files_of(database)
    assert b"stripe-key" in written
    assert _KEY[8:].encode() not in written


def _files_of(database: Path) -> bytes:
    return b"".join(file.read_bytes() for file in database.parent.glob(f"{database.name}*"))


async def test_a_finished_review_is_not_done_again(tmp_path: Path) -> None:
    subject = change(tmp_path / "repo", {"m.py": _OLD}, {"m.py": _NEW})
    first = await review(subject, path=str(tmp_path / "r.db"))
    (tmp_path / "repo" / "m.py").unlink()
    assert await review(subject, path=str(tmp_path / "r.db")) == first


async def test_each_box_is_a_step_and_files_have_their_own(tmp_path: Path) -> None:
    subject = change(tmp_path / "repo", {"m.py": _OLD}, {"m.py": _NEW, "n.py": "x = 1\n"})
    await review(subject, path=str(tmp_path / "r.db"))
    written = _files_of(tmp_path / "r.db")
    for name in (
        b"read settings",
        b"parse and select",
        b"redact n.py",
        b"check m.py",
        b"compare n.py",
        b"rank",
    ):
        assert name in written


async def test_settings_of_the_change_itself_do_not_count(tmp_path: Path) -> None:
    repository = Repository.create(tmp_path)
    repository.commit({"m.py": _OLD})
    repository.commit({"m.py": _NEW, ".codereview.toml": 'ignore = ["**"]\nfail_on = "critical"\n'})
    report = await review(choose_change(tmp_path, revisions="HEAD~1..HEAD"))
    assert "m.py" in report.files_reviewed
    assert "change/review-settings" in rules(report)
    assert report.fail_on == "high"


async def test_settings_of_the_commit_before_do(tmp_path: Path) -> None:
    table = 'analysers = ["signals"]\nfail_on = "medium"\n'
    report = await review(change(tmp_path, {"m.py": _OLD, ".codereview.toml": table}, {"m.py": _NEW}))
    assert rules(report) == {"signal/operand-lost": 5}
    assert exit_code(report) == 1


async def test_an_ignore_comment_is_honoured_and_told(tmp_path: Path) -> None:
    after = {"m.py": "x = eval(y)  # review: ignore[check/eval, lint/*]\n"}
    report = await review(change(tmp_path, {"m.py": "x = y\n"}, after))
    assert report.findings == ()
    assert {one.rule for one in report.ignored} >= {"check/eval"}


async def test_a_broken_caller_is_found_across_files(tmp_path: Path) -> None:
    before = {
        "lib.py": "def total(a, b):\n    return a + b\n",
        "app.py": "from lib import total\n\ntotal(1, 2)\n",
    }
    report = await review(change(tmp_path, before, {"lib.py": "def total(a):\n    return a\n"}))
    (broken,) = [one for one in report.findings if one.rule == "change/caller-breaks"]
    assert "app.py:3" in broken.message
    assert (broken.path, broken.line, broken.severity) == ("lib.py", 1, "high")


async def test_a_check_that_moved_to_another_file_is_only_a_small_question(tmp_path: Path) -> None:
    before = {"a.py": "def f(r):\n    validate(r)\n    return go(r)\n", "b.py": "def go(r):\n    return r\n"}
    after = {"a.py": "def f(r):\n    return go(r)\n", "b.py": "def go(r):\n    validate(r)\n    return r\n"}
    report = await review(change(tmp_path, before, after))
    (moved,) = [one for one in report.findings if one.rule == "signal/check-lost"]
    assert moved.severity == "low"


async def test_too_much_is_incomplete(tmp_path: Path) -> None:
    before = {".codereview.toml": "max_files = 2\n"}
    report = await review(change(tmp_path, before, {f"m{number}.py": "x = 1\n" for number in range(3)}))
    assert [one.path for one in report.incomplete] == ["m2.py"]
    assert exit_code(report) == 3


@pytest.mark.parametrize(
    ("settings", "name", "words"),
    [
        ("max_finding = 1\n", "SettingsError", "did you mean max_findings?"),
        ("= 1\n", "SettingsError", "is not TOML"),
    ],
)
async def test_wrong_settings_end_the_review_with_one_sentence(
    tmp_path: Path, settings: str, name: str, words: str
) -> None:
    with pytest.raises(WorkflowFailed) as caught:
        await review(change(tmp_path, {".codereview.toml": settings}, {"m.py": "x = 1\n"}))
    assert caught.value.name == name
    assert words in caught.value.reason
    assert "\n" not in caught.value.reason


async def test_a_change_that_was_edited_ends_the_review(tmp_path: Path) -> None:
    repository = Repository.create(tmp_path)
    repository.commit({"m.py": _OLD})
    repository.write({"m.py": _NEW})
    subject = choose_change(tmp_path)
    repository.write({"m.py": "x = 1\n"})
    with pytest.raises(WorkflowFailed, match="ChangeMoved: the uncommitted change was edited"):
        await review(subject)


async def test_a_review_with_a_model_is_not_silently_done_without(tmp_path: Path) -> None:
    with pytest.raises(WorkflowFailed, match="NoReviewer: this review was started with gpt-x"):
        await review(change(tmp_path, {}, {"m.py": "x = 1\n"}, model="gpt-x"))


async def test_an_env_of_another_kind_is_fine(tmp_path: Path) -> None:
    subject = change(tmp_path, {}, {"m.py": "x = 1\n"})
    async with Engine(":memory:", [CodeReview], env=object()) as engine:
        instance = await engine.workflow(CodeReview).create(id=subject.workflow_id, params=subject)
        assert (await instance.result()).files_reviewed == ("m.py",)


async def test_odd_names_and_bytes_are_reviewed(tmp_path: Path) -> None:
    after: Files = {
        'd/na\u202eme "x".py': "eval(x)\n",
        "näme.py": b"x = '\xff'\neval(x)\n",
        "empty.py": "",
        f"{'y' * 200}.py": "z = 1\n",
    }
    report = await review(change(tmp_path, {}, after))
    assert {'d/na\\u202eme "x".py', "näme.py", "empty.py"} <= set(report.files_reviewed)
    assert report.model_dump_json().encode()


async def test_a_patch_without_a_repository(tmp_path: Path) -> None:
    patch = "--- a/m.py\n+++ b/m.py\n@@ -7,2 +7,2 @@\n x = 1\n-y = all(z)\n+y = any(z)\n"
    (tmp_path / "x.patch").write_text(patch)
    report = await review(choose_change(tmp_path, patch=tmp_path / "x.patch"))
    assert rules(report)["signal/call-swapped"] == 8
    assert "was not found" in report.unseen[0].reason


def test_the_env_is_plain() -> None:
    assert ReviewEnv() == ReviewEnv(reviewer=None, retries=None, apart=None)


async def test_texts_made_to_break_a_reader_are_reviewed_or_told(tmp_path: Path) -> None:
    after: Files = {f"{name}.py": f"{text}\neval(x)\n" for name, text in DEEP.items()}
    report = await review(change(tmp_path, {}, {**after, "m.py": "eval(x)\n", "deep.json": "[" * 99_000}))
    told = {one.path for one in (*report.unseen, *report.files_skipped, *report.incomplete)}
    assert "m.py" in {one.path for one in report.findings if one.rule == "check/eval"}
    assert set(report.files_reviewed) | {one.path for one in report.files_skipped} == {
        *after,
        "m.py",
        "deep.json",
    }
    assert {"minus.py", "not.py"} <= told


async def test_a_file_that_its_reader_is_lost_over_makes_the_review_incomplete(tmp_path: Path) -> None:
    subject = change(tmp_path, {"m.py": _OLD}, {"m.py": _NEW})
    with Apart(patience=0.0) as apart:
        async with Engine(":memory:", [CodeReview], env=ReviewEnv(apart=apart)) as engine:
            instance = await engine.workflow(CodeReview).create(id=subject.workflow_id, params=subject)
            report = await instance.result()
    assert [one.path for one in report.incomplete] == ["m.py", "m.py"]
    assert "took more than 0 seconds" in report.incomplete[0].reason
    assert "secret/stripe-key" in rules(report)


@pytest.mark.parametrize("comment", ["# review: ignore", "# review: ignore[check/*]"])
async def test_a_change_cannot_silence_what_fails_it(tmp_path: Path, comment: str) -> None:
    before = {"m.py": "x = y\n", ".codereview.toml": 'fail_on = "medium"\n'}
    report = await review(change(tmp_path, before, {"m.py": f"x = eval(y)  {comment}\n"}))
    assert rules(report)["check/eval"] == 1
    assert exit_code(report) == 1
