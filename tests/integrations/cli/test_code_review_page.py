"""What `docs/code-review.md` says of commands, settings, severities and exit codes is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from integrations.cli.main import main
from integrations.code_review import FORMATS, Severity
from integrations.code_review.settings import Settings
from tests.integrations.code_review.repository import Repository

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "code-review.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ agents (review.*?)(?:\s+#.*)?$", PAGE, re.MULTILINE)
_TESTS = re.findall(r"`((?:code_review|github)/[\w/.]*)`", PAGE)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run(command: str, repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    patch = repository.git("diff")
    if "main" in command or ".." in command:
        repository.git("switch", "-q", "-c", "topic")
        repository.commit({})
    repository.git("add", "--all")
    repository.write({"change.diff": f"{patch}\n"})
    code = main(command.split())
    assert code == (1 if "medium" in command else 0)
    assert "check/shell" in capsys.readouterr().out


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 6


def test_every_setting_is_told_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE, re.MULTILINE))
    assert rows.keys() == Settings.model_fields.keys()
    for name, told in rows.items():
        default = Settings.model_fields[name].get_default(call_default_factory=True, validated_data={})
        if told not in ("of the profile", "all", "none"):
            assert told.strip('`"').replace(",", "") == _told(default)


def _told(default: object) -> str:
    match default:
        case ():
            return "[]"
        case {}:
            return "{}"
        case _:
            return str(default)


def test_severities_formats_and_tests_are_those_that_there_are() -> None:
    assert re.findall(rf"^\| ({'|'.join(Severity)}) \|", PAGE, re.MULTILINE) == list(Severity)
    assert all(f"`{form}`" in PAGE for form in FORMATS)
    assert _TESTS
    assert [path for path in _TESTS if not (ROOT / "tests" / "integrations" / path).exists()] == []
