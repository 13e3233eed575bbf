"""Both texts of a file → signals as findings, and what else the comparison shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from integrations.code_review.change import Pair, Piece, Versions
from integrations.code_review.change_map.model import SignatureChange
from integrations.code_review.change_map.outline import signature_changes
from integrations.code_review.diff.model import FilePatch
from integrations.code_review.finding import Finding, Severity, Visible
from integrations.code_review.python import Broken, Parsed, TooComplex, is_python, is_test, syntax_of
from integrations.code_review.signals.deliberate import Surroundings, one_for_each_function
from integrations.code_review.signals.families import FAMILIES
from integrations.code_review.signals.model import FunctionChange, Signal
from integrations.code_review.signals.pairing import Text, changes_between
from integrations.value import Value

__all__ = ["Comparison", "compare_file"]


class Comparison(Value):
    """What the trees of one file show."""

    findings: tuple[Finding, ...] = ()
    functions: tuple[str, ...] = ()
    """Functions and classes that were touched."""
    signatures: tuple[SignatureChange, ...] = ()
    gained: tuple[str, ...] = ()
    """Names of calls that came: what another file lost may have moved here."""
    unseen: Visible = ""
    lost: bool = False
    """It was not seen although it could have been: the review is incomplete."""


def compare_file(versions: Versions) -> Comparison:
    """The signals of one file; empty for files that are not Python, with the reason in `unseen`."""
    if not is_python(versions.path):
        return Comparison(unseen="not Python: only its text was checked, not its behaviour")
    try:
        return _joined([_compared(versions, pair) for pair in versions.pairs], versions)
    except RecursionError:
        return Comparison(unseen="nested too deeply for its behaviour to be compared")


def _joined(parts: list[Comparison], versions: Versions) -> Comparison:
    reasons = dict.fromkeys(reason for part in parts if (reason := part.unseen))
    return Comparison(
        findings=tuple(finding for part in parts for finding in part.findings),
        functions=tuple(dict.fromkeys(name for part in parts for name in part.functions)),
        signatures=tuple(one for part in parts for one in part.signatures) if versions.whole else (),
        gained=tuple(dict.fromkeys(name for part in parts for name in part.gained)),
        unseen=versions.unseen or "; ".join(reasons),
    )


def _compared(versions: Versions, pair: Pair) -> Comparison:
    old, new = _text(pair.old), _text(pair.new)
    if isinstance(old, str) or isinstance(new, str):
        return Comparison(unseen=old if isinstance(old, str) else str(new))
    changes = list(changes_between(old, new))
    place = _Place(versions, old, new, Surroundings(changes, new.lines))
    findings = [
        place.finding(change, signal)
        for change in changes
        for signal in _signals(change)
        if signal.severity is Severity.MEDIUM or not is_test(versions.path)
    ]
    touched = [change.name for change in changes if change.name]
    fresh = [body.name for change in changes for body in change.fresh]
    return Comparison(
        findings=tuple(_together(one_for_each_function(findings))),
        functions=tuple(dict.fromkeys(touched + fresh)),
        signatures=tuple(signature_changes(versions.path, old, new, versions.patch)),
        gained=tuple(sorted(_gained(changes))),
    )


def _signals(change: FunctionChange) -> Iterator[Signal]:
    for family in FAMILIES:
        yield from family(change)


def _together(findings: list[Finding]) -> list[Finding]:
    """One finding for the same question about several functions of a file."""
    found: dict[tuple[str, str], list[Finding]] = {}
    for number, finding in enumerate(findings):
        found.setdefault((finding.rule, finding.subject or str(number)), []).append(finding)
    return [_first(same) for same in found.values()]


def _first(same: list[Finding]) -> Finding:
    others = [f"`{one.symbol}` (line {one.line})" for one in same[1:]]
    if not others:
        return same[0]
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return same[0].model_copy(
        update={"message": f"{same[0].message} The same in {', '.join(others[:3])}{more}."}
    )


def _gained(changes: list[FunctionChange]) -> set[str]:
    return {name for change in changes for name in change.new.calls - Counter(change.old.calls)}


def _text(piece: Piece | None) -> Text | str:
    """The parsed text; a file that does not exist is empty. A string says why it was not parsed."""
    match syntax_of(piece.text if piece else "", first_line=piece.first if piece else 1):
        case Parsed(tree=tree):
            return Text(tree, tuple(piece.text.split("\n")) if piece else (), piece.first if piece else 1)
        case Broken(line=line):
            return f"its behaviour was not compared: line {line} does not parse"
        case TooComplex(reason=reason):
            return f"its behaviour was not compared: {reason}"


class _Place:
    """Turns signals into findings at lines of the new text."""

    def __init__(self, versions: Versions, old: Text, new: Text, around: Surroundings) -> None:
        self._versions = versions
        self._old = old
        self._new = new
        self._around = around
        self._after = _successors(versions.patch)

    def finding(self, change: FunctionChange, signal: Signal) -> Finding:
        line = self._line(change, signal)
        doubtful = is_test(self._versions.path) or self._around.explain(change, signal)
        return Finding(
            path=self._versions.path,
            line=line,
            end_line=line,
            severity=signal.severity.at_most(Severity.LOW if doubtful else Severity.MEDIUM),
            rule=f"signal/{signal.rule}",
            message=signal.message,
            evidence=self._evidence(signal, line),
            symbol=change.name,
            origin="signal",
            subject=signal.subject,
        )

    def _line(self, change: FunctionChange, signal: Signal) -> int:
        if signal.new is not None:
            return signal.new.line
        if signal.old is not None and signal.old.line in self._after:
            return self._after[signal.old.line]
        return getattr(change.new.node, "lineno", self._new.first)

    def _evidence(self, signal: Signal, line: int) -> str:
        now = _line_of(self._new, line)
        if signal.old is None:
            return now
        was = f"- {_line_of(self._old, signal.old.line)}"
        return f"{was}\n+ {now}" if signal.new is not None else was


def _line_of(text: Text, line: int) -> str:
    index = line - text.first
    return text.lines[index].strip() if 0 <= index < len(text.lines) else ""


def _successors(patch: FilePatch) -> dict[int, int]:
    """For every old line of a hunk the new line that stands where it stood."""
    found: dict[int, int] = {}
    for hunk in patch.hunks:
        waiting: list[int] = []
        last = hunk.new_start
        for line in hunk.lines:
            if line.old is not None and line.new is None:
                waiting.append(line.old)
            elif line.new is not None:
                last = line.new
                found.update(dict.fromkeys(waiting, last))
                waiting = []
            if line.old is not None and line.new is not None:
                found[line.old] = line.new
        found.update(dict.fromkeys(waiting, last))
    return found
