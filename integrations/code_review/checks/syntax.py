"""Does it parse? Python, JSON and TOML."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from json import JSONDecodeError

from integrations.code_review.change import Pair, Piece, Versions
from integrations.code_review.finding import Finding, Severity
from integrations.code_review.python import Broken, is_python, python_version, syntax_of

__all__ = ["syntax_errors"]

_Reader = Callable[[str], Broken | None]


def syntax_errors(versions: Versions) -> list[Finding]:
    """An error that the change brought; one that was there before is not reported. Whole texts only."""
    reader = _reader(versions.path)
    if reader is None or not versions.whole:
        return []
    return [
        finding for pair in versions.pairs if (finding := _brought(versions.path, pair, reader[0], reader[1]))
    ]


def _brought(path: str, pair: Pair, language: str, read: _Reader) -> Finding | None:
    if pair.new is None or (broken := _read(pair.new, read)) is None:
        return None
    if pair.old is not None and _read(pair.old, read) is not None:
        return None
    lines = pair.new.text.split("\n")
    return Finding(
        path=path,
        line=broken.line,
        end_line=broken.line,
        severity=Severity.HIGH,
        rule="check/syntax-error",
        message=f"This is not {language}: {broken.message}.",
        evidence=lines[min(broken.line, len(lines)) - 1].strip(),
    )


def _read(piece: Piece, read: _Reader) -> Broken | None:
    return read(piece.text)


def _reader(path: str) -> tuple[str, _Reader] | None:
    if is_python(path):
        return f"Python {python_version()}", _python
    if path.endswith(".json"):
        return "JSON", _json
    return ("TOML", _toml) if path.endswith(".toml") else None


def _python(text: str) -> Broken | None:
    outcome = syntax_of(text)
    return outcome if isinstance(outcome, Broken) else None


def _json(text: str) -> Broken | None:
    try:
        json.loads(text.removeprefix("\ufeff"))
    except JSONDecodeError as error:
        return Broken(error.lineno, error.msg)
    except (RecursionError, ValueError):
        return None
    return None


def _toml(text: str) -> Broken | None:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        words, _, place = str(error).rpartition(" (at line ")
        line = place.partition(",")[0]
        return Broken(int(line) if line.isdigit() else text.count("\n") + 1, words or str(error))
    except (RecursionError, ValueError):
        return None
    return None
