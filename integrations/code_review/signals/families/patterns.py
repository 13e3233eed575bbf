"""Regular expressions that match more than they did."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from difflib import SequenceMatcher

from integrations.code_review.finding import Severity
from integrations.code_review.signals.model import Difference, FunctionChange, Signal
from integrations.code_review.signals.syntax import call_name, short

__all__ = ["widened_patterns"]

_TAKE_PATTERNS = frozenset(
    {"compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer", "regex"}
)
_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(?:[*+?]|\{\d*,?\d*\})[?+]?|.", re.DOTALL)
_ANCHORS = frozenset({"^", "$", r"\A", r"\Z", r"\b"})
_RANGE = re.compile(r"(\\?.)-(\\?.)|(\\?.)", re.DOTALL)
_ANY = "."


def widened_patterns(change: FunctionChange) -> Iterator[Signal]:
    """An anchor or an escape went, a class has more characters, a repetition takes as much as it can."""
    for found in change.differences:
        match found.old, found.new:
            case (ast.Constant(value=str(old)), ast.Constant(value=str(new))) if _is_pattern(found):
                if question := _widened(old, new):
                    yield Signal(
                        "pattern-widened",
                        Severity.MEDIUM,
                        f"`{short(found.old)}` became `{short(found.new)}`: {question}",
                        *found.heads,
                    )
            case _:
                continue


def _is_pattern(found: Difference) -> bool:
    """The first thing that a function of regular expressions is given."""
    match found.parent:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="re" | "regex")), args=[first, *_]) as call:
            return found.old is first and call_name(call) in _TAKE_PATTERNS
        case ast.Call(func=ast.Name(id="re_path" | "RegexValidator"), args=[first, *_]):
            return found.old is first
        case ast.keyword(arg="pattern" | "regex"):
            return True
        case _:
            return False


def _widened(old: str, new: str) -> str:
    """The question about the one place in which two patterns differ; empty when it does not match more."""
    before, after = _PIECE.findall(old), _PIECE.findall(new)
    changes = [
        (before[i:j], after[k:n])
        for tag, i, j, k, n in SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
        if tag != "equal"
    ]
    match changes:
        case [([anchor], [])] if anchor in _ANCHORS:
            return f"without `{anchor}` it also matches inside a longer text: may it?"
        case [([escaped], [bare])] if escaped == f"\\{bare}" and not bare.isalnum():
            return f"`{bare}` stands for more than itself now: may it match anything there?"
        case [([one], [other])] if _has_more(one, other):
            return f"`{other}` matches more than `{one}`: may it?"
        case [([lazy], [greedy])] if lazy == f"{greedy}?" and greedy[0] in "*+?{":
            return f"`{greedy}` takes as much as it can now, `{lazy}` as little: is the last end meant?"
        case [(["+"], ["*"])]:
            return "it matches nothing at all as well now: may it?"
        case _:
            return ""


def _has_more(one: str, other: str) -> bool:
    if not one.startswith("[") or len(one) < 3:
        return False
    if other == _ANY:
        return True
    if not other.startswith("["):
        return False
    if one.startswith("[^") != other.startswith("[^"):
        return other.startswith("[^") and not one.startswith("[^")
    fewer, more = _members(one), _members(other)
    return fewer > more if one.startswith("[^") else fewer < more


def _members(group: str) -> frozenset[str]:
    """What a class lists, its ranges written out."""
    found: set[str] = set()
    for first, last, single in _RANGE.findall(group.strip("[]").removeprefix("^")):
        if single:
            found.add(single)
        else:
            found.update(map(chr, range(ord(first[-1]), ord(last[-1]) + 1)))
    return frozenset(found)
