"""ruff over the changed Python files, with our rules and none of the repository's settings."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TypedDict, cast

from integrations.code_review.finding import Finding, Severity, Visible
from integrations.code_review.git import clean_environment
from integrations.code_review.python import is_test
from integrations.value import Value

__all__ = ["Linted", "lint_files", "ruff_program"]

_PATIENCE = 60.0
_MEDIUM = (
    "F50,F52,F63,F70,F821,F822,F823,B003,B012,B020,B029,B030,B031,B032,B035,PLE01,PLE02,PLE03,PLE06,PLE1"
    ",PLE2,ASYNC100,ASYNC210,ASYNC220,ASYNC221,ASYNC222,ASYNC251,S301,S302,S306,S307,S323,S501,S506,S602"
    ",S605,S608,S701,RUF006,RUF016,PLW0177,PLW1508,PLW1509"
)
_LOW = (
    "F601,F811,F841,B006,B008,B015,B017,B018,B021,B023,B025,B026,B033,B034,B039,E711,E722,E741,BLE001,S102,S110,S112"
    ",S113,S324,S604,PLW0120,PLW0127,PLW0128,PLW0129,PLW0131,PLW0406,PLW0602,PLW0711,PLW1501,RUF009,RUF018,RUF024"
    ",RUF030"
)


class Linted(Value):
    """What ruff found on added lines; `missing` says why it was not asked."""

    findings: tuple[Finding, ...] = ()
    missing: Visible = ""


class _Remark(TypedDict):
    code: str | None
    message: str
    filename: str
    location: dict[str, int]
    end_location: dict[str, int]


def ruff_program() -> str | None:
    """The ruff that is installed beside this Python, else the one in PATH."""
    beside = Path(sysconfig.get_path("scripts")) / f"ruff{'.exe' if sys.platform == 'win32' else ''}"
    return str(beside) if beside.is_file() else shutil.which("ruff")


def lint_files(
    texts: Mapping[str, str], added: Mapping[str, frozenset[int]], *, program: str | None
) -> Linted:
    """What ruff says about the added lines of masked texts; the repository's own settings are not read."""
    if program is None:
        return Linted(missing="ruff is not installed, so it was not asked")
    if not texts:
        return Linted()
    with tempfile.TemporaryDirectory(prefix="review-") as folder:
        places = _written(Path(folder), texts)
        remarks = _asked(program, Path(folder))
    if isinstance(remarks, str):
        return Linted(missing=remarks)
    return Linted(findings=tuple(_findings(remarks, places, texts, added)))


def _written(folder: Path, texts: Mapping[str, str]) -> dict[str, str]:
    """The texts in numbered folders, so that no path of the change leads anywhere."""
    places = {}
    for number, (path, text) in enumerate(texts.items()):
        place = folder / f"{number:04}" / PurePosixPath(path).name
        place.parent.mkdir()
        place.write_bytes(text.encode("utf-8", "surrogateescape"))
        places[place.parent.name] = path
    return places


def _asked(program: str, folder: Path) -> Sequence[_Remark] | str:
    command = [program, "check", "--isolated", "--no-cache", "--exit-zero", "--output-format=json", "--quiet"]
    command += [f"--select={_MEDIUM},{_LOW}", "."]
    try:
        ended = subprocess.run(  # noqa: S603 the program was looked up by us, the texts are only read
            command, cwd=folder, env=clean_environment(), capture_output=True, timeout=_PATIENCE, check=False
        )
        return (
            cast("Sequence[_Remark]", json.loads(ended.stdout))
            if ended.returncode == 0
            else _failed(ended.stderr)
        )
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        return f"ruff could not be asked: {type(error).__name__}"


def _failed(stderr: bytes) -> str:
    first = stderr.decode("utf-8", "replace").strip().splitlines()[:1]
    return f"ruff could not be asked: {first[0] if first else 'it ended with an error'}"


def _findings(
    remarks: Sequence[_Remark],
    places: Mapping[str, str],
    texts: Mapping[str, str],
    added: Mapping[str, frozenset[int]],
) -> Iterator[Finding]:
    lines = {path: text.split("\n") for path, text in texts.items()}
    for remark in remarks:
        path = places[Path(remark["filename"]).parent.name]
        line, code = remark["location"]["row"], remark["code"]
        if line not in added[path] or code is None or not code[0].isalpha() or "-" in code:
            continue  # errors of syntax have no code; they are found without ruff
        yield Finding(
            path=path,
            line=line,
            end_line=line,
            severity=_severity(path, code),
            rule=f"lint/{code}",
            message=f"{remark['message']} (ruff {code})",
            evidence=lines[path][line - 1].strip() if line <= len(lines[path]) else "",
            origin="lint",
        )


def _severity(path: str, code: str) -> Severity:
    medium = code.startswith(tuple(_MEDIUM.split(","))) and not is_test(path)
    return Severity.MEDIUM if medium else Severity.LOW
