"""Which calls in other files a change may break, and how a model is shown them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from integrations.code_review.apart import Apart
from integrations.code_review.change import Change, Versions
from integrations.code_review.change_map.callers import find_callers
from integrations.code_review.change_map.model import ChangeMap, SignatureChange
from integrations.code_review.finding import VisibleName
from integrations.code_review.model.lines import Row, rows_of, shown
from integrations.code_review.python import is_test
from integrations.code_review.subject import ReviewInput
from integrations.value import Value

__all__ = ["Call", "Reached", "gathered", "printed", "quotable"]

_MOST_FUNCTIONS = 20
_MOST_CALLS = 5
_BODY = 20
_AROUND = 2


class Call(Value):
    """A call in another file; numbers count from 1 over the whole review."""

    number: int
    path: VisibleName
    line: int


class Reached(Value):
    """A function that the change touched, and calls of it in other files. It holds no text."""

    function: SignatureChange
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class _Touched:
    path: str
    name: str


def gathered(
    subject: ReviewInput, change: Change, change_map: ChangeMap, apart: Apart
) -> tuple[Reached, ...]:
    """The touched functions that other files call, those with a new signature first."""
    if change.git is None:
        return ()
    functions = _functions(change, change_map)
    tree = subject.base if subject.kind == "patch" else subject.head
    callers = find_callers(change.git, tree, functions, apart=apart).callers
    found: list[Reached] = []
    number = 0
    for function in functions:
        others = [one for one in callers if one.name == function.name and one.path != function.path]
        calls: list[Call] = []
        for one in others[:_MOST_CALLS]:
            number += 1
            calls.append(Call(number=number, path=one.path, line=one.line))
        if calls:
            found.append(Reached(function=function, calls=tuple(calls)))
    return tuple(found)


def printed(reached: Reached, change: Change) -> str:
    """The function as the change left it, and the lines of each call."""
    function = reached.function
    words = [f"Function {function.name} in {function.path}"]
    if function.old != function.new:
        words += [f"  before: {function.old}", f"  after:  {function.new or 'it is gone'}"]
    words += [row.printed for row in _body(function, change)]
    for call in reached.calls:
        words += ["", f"Call {call.number} in {call.path}:", *(row.printed for row in _near(call, change))]
    return "\n".join(words)


def quotable(reached: Reached, change: Change) -> dict[tuple[str, int], str]:
    """The lines that `printed` shows, by their path and number."""
    function = reached.function
    body = {(function.path, row.number): row.text for row in _body(function, change) if row.number}
    near = {
        (call.path, row.number): row.text
        for call in reached.calls
        for row in _near(call, change)
        if row.number
    }
    return body | near


def _functions(change: Change, change_map: ChangeMap) -> list[SignatureChange]:
    signed = [one for one in change_map.signatures if not is_test(one.path)]
    known = {_Touched(one.path, one.name) for one in signed}
    same = [
        function
        for file in change_map.files
        if file.functions and not is_test(file.path)
        for function in _unsigned(change, file.path, file.functions)
        if _Touched(function.path, function.name) not in known
    ]
    return [*signed, *same][:_MOST_FUNCTIONS]


def _unsigned(change: Change, path: str, names: Sequence[str]) -> Iterator[SignatureChange]:
    """The functions whose body alone changed; their first line stands for the signature."""
    versions = change.versions(path)
    lines = versions.new_lines() if isinstance(versions, Versions) else {}
    for name in names:
        last = name.rpartition(".")[2]
        if last.startswith("_"):
            continue
        head = re.compile(rf"\s*(?:async\s+)?def\s+{re.escape(last)}\b")
        line = next((number for number, text in lines.items() if head.match(text)), None)
        if line is not None:
            text = shown(lines[line].strip())
            yield SignatureChange(path=path, line=line, name=name, old=text, new=text)


def _body(function: SignatureChange, change: Change) -> list[Row]:
    versions = change.versions(function.path)
    if not isinstance(versions, Versions):
        return []
    found: list[Row] = []
    at = 0
    for row in rows_of(versions):
        at = row.number or at
        if function.line <= at < function.line + _BODY and row.printed.strip() != "...":
            found.append(row)
    return found


def _near(call: Call, change: Change) -> list[Row]:
    lines = _lines(call.path, change)
    numbers = range(call.line - _AROUND, call.line + _AROUND + 1)
    return [
        Row(f"{number:>6}   {shown(lines[number])}", number, shown(lines[number]))
        for number in numbers
        if number in lines
    ]


def _lines(path: str, change: Change) -> Mapping[int, str]:
    text = change.masked_text(path)
    return dict(enumerate(text.split("\n"), 1)) if text is not None else {}
