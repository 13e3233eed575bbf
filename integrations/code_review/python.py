"""Python text → syntax tree, without running or importing anything, and within limits."""

from __future__ import annotations

import ast
import re
import sys
import threading
import warnings
from dataclasses import dataclass

__all__ = [
    "Broken",
    "Parsed",
    "TooComplex",
    "is_python",
    "is_test",
    "parse_python",
    "python_version",
    "syntax_of",
]

_SUFFIXES = (".py", ".pyi", ".pyw")
_LONE_RETURN = re.compile(r"\r(?!\n)")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_TEST_PATH = re.compile(
    r"(?:^|/)(?:tests?|testing|spec|__tests__)/|(?:^|/)(?:test_[^/]*|conftest|[^/]*_test)\.\w+$"
)

# The filters of `warnings` belong to the process, and steps run in threads: one at a time may change them.
_FILTERS = threading.Lock()


@dataclass(frozen=True, slots=True)
class Parsed:
    """It parses."""

    tree: ast.Module


@dataclass(frozen=True, slots=True)
class Broken:
    """It is not Python, from `line` on."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class TooComplex:
    """It was not parsed; `reason` says why."""

    reason: str


Syntax = Parsed | Broken | TooComplex


def is_python(path: str) -> bool:
    """Whether the file holds Python, by its name."""
    return path.endswith(_SUFFIXES)


def is_test(path: str) -> bool:
    """Whether the file is a test or belongs to tests, by its name."""
    return _TEST_PATH.search(path) is not None


def syntax_of(text: str, *, first_line: int = 1) -> Syntax:
    """The outcome of parsing `text`, whose first line is `first_line` of its file."""
    if _SURROGATE.search(text):
        return TooComplex("it is not UTF-8")
    # The parser takes a lone carriage return for the end of a line, git does not.
    source = _LONE_RETURN.sub(" ", text.removeprefix("\ufeff"))
    try:
        tree = parse_python(source)
        if first_line > 1:
            ast.increment_lineno(tree, first_line - 1)
    except SyntaxError as error:
        return Broken((error.lineno or 1) + first_line - 1, error.msg)
    except (RecursionError, MemoryError):
        return TooComplex("it is nested too deeply to be parsed")
    except ValueError as error:
        return Broken(first_line, str(error))
    return Parsed(tree)


def parse_python(source: str) -> ast.Module:
    """`ast.parse` without warnings; raises what it raises."""
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def python_version() -> str:
    """The version whose grammar is used."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"
