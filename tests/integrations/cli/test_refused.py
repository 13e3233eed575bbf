from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from integrations.cli.main import main
from tests.integrations.cli.program import run
from tests.integrations.code_review.repository import Repository

_BROKEN_DIFF = "--- a/release.py\n+++ b/release.py\n@@ -1 +1\nnonsense\n"
_REFUSED = [
    (["--base", "no-such"], "'no-such' is not a commit of "),
    (["no-such..HEAD"], "'no-such' is not a commit of "),
    (["release"], "'release' is neither a folder nor a range: for a branch write --base release"),
    (["--base", "HEAD", "--staged"], "--base and --staged exclude each other"),
    (["--base", "HEAD"], "HEAD has no commit that HEAD has not"),
    (["--staged"], "the staged change changes nothing"),
    (["--patch", "broken.diff"], "the diff does not parse at line 3: "),
    (["--patch", "missing.diff"], "cannot read the patch missing.diff: No such file"),
    (["--fail-on", "awful"], "--fail-on 'awful' is not a severity: use one of critical, high, "),
    (["--format", "pdf"], "'pdf' is not one of 'text', 'json', 'sarif', 'markdown'"),
    (["--frmat", "json"], "No such option: --frmat"),
    (["--db", "no/such/folder.db"], "make the folder "),
    (["--db", "notes.md"], "notes.md: file is not a database"),
    (["--model", "some-model"], "set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own"),
    (["--scripted", "notes.md"], "notes.md is no script of answers"),
]


@pytest.mark.parametrize(("arguments", "said"), _REFUSED)
def test_a_wrong_question_is_one_line(
    arguments: list[str], said: str, repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.write({"broken.diff": _BROKEN_DIFF})
    assert main(["review", *arguments]) == 2
    out, err = capsys.readouterr()
    assert said in err.replace(f"{repository.root}/", "")
    assert (out, err.count("\n"), "Traceback" in err) == ("", 1, False)


def test_a_folder_without_a_repository_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", str(tmp_path)]) == 2
    assert f"{tmp_path} is not inside a git repository" in capsys.readouterr().err


def test_an_empty_pipe_is_refused(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\n")))
    assert main(["review", "--patch", "-"]) == 2
    assert capsys.readouterr().err == "agents: there is no patch on stdin\n"


def test_bad_settings_are_refused(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    repository.commit({".codereview.toml": "max_finding = 3\n"})
    repository.write({"release.py": "print(1)\n"})
    assert main(["review"]) == 2
    assert "unknown setting max_finding; did you mean max_findings?" in capsys.readouterr().err


def test_a_url_that_is_none_is_refused(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "my-server")
    assert main(["review", "--model", "m"]) == 2
    assert "OPENAI_BASE_URL 'my-server' is not a URL" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "said"), [([], "is not inside a git repository"), _REFUSED[6]])
def test_the_real_program_refuses_in_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "broken.diff").write_text(_BROKEN_DIFF)
    ended = run("review", *arguments, folder=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.line


def test_the_program_explains_itself(tmp_path: Path) -> None:
    helped, bare, versioned = (run(*words, folder=tmp_path) for words in (["--help"], [], ["--version"]))
    assert helped.out == bare.out
    assert (helped.code, bare.code, versioned.code) == (0, 0, 0)
    assert {"review", "dev"} <= set(helped.out.split())
    assert versioned.out.startswith("agents ")


@pytest.mark.parametrize("arguments", [["rewiev"], ["dev"], ["review", "--frmat"]])
def test_a_wrong_command_names_its_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "--help`)" in capsys.readouterr().err
