"""Who calls a function whose signature changed, and whether the call still fits."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

from integrations.code_review.apart import Apart, NotAnalysed
from integrations.code_review.change_map.model import Caller, SignatureChange
from integrations.code_review.checks.page import last_name
from integrations.code_review.finding import Skipped
from integrations.code_review.git import Git
from integrations.code_review.python import Parsed, is_python, syntax_of
from integrations.code_review.selection import MAX_TEXT

__all__ = ["Called", "calls_in", "find_callers"]

_MOST_NAMES = 40
_MOST_FILES = 60
_MOST_PER_NAME = 20


@dataclass(frozen=True, slots=True)
class Called:
    """The calls that were found, and the files in which none could be looked for."""

    callers: tuple[Caller, ...] = ()
    unread: tuple[Skipped, ...] = ()


def find_callers(
    git: Git,
    tree: str | None,
    signatures: Iterable[SignatureChange],
    *,
    apart: Apart,
    leave_out: Container[str] = (),
) -> Called:
    """Calls in the files of a commit, or in the tracked files as they are when `tree` is None.

    Names are looked up as words, then as calls in the syntax tree; whose method a call means is not known, so
    only functions of a module are judged to break. `leave_out` are files whose text is not the one reviewed.
    """
    wanted = {one.name.rpartition(".")[2]: one for one in list(signatures)[:_MOST_NAMES]}
    wanted.pop("__init__", None)
    hits = git.grep(wanted, tree, "*.py")
    found: list[Caller] = []
    unread: list[Skipped] = []
    for path in list(
        dict.fromkeys(hit.path for hit in hits if is_python(hit.path) and hit.path not in leave_out)
    )[:_MOST_FILES]:
        lines = {hit.line for hit in hits if hit.path == path}
        text = _text(git, tree, path)
        if text is None:
            continue
        try:
            found += apart.ask(calls_in, path, text, lines, wanted)
        except NotAnalysed as error:
            unread.append(Skipped(path=path, reason=f"not searched for callers: {error}", wanted=True))
    return Called(tuple(_limited(found)), tuple(unread))


def calls_in(path: str, text: str, lines: set[int], wanted: Mapping[str, SignatureChange]) -> list[Caller]:
    """The calls of these functions that stand on these lines."""
    outcome = syntax_of(text)
    return list(_calls(outcome.tree, path, lines, wanted)) if isinstance(outcome, Parsed) else []


def _calls(
    tree: ast.Module, path: str, lines: set[int], wanted: Mapping[str, SignatureChange]
) -> Iterator[Caller]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or (node.end_lineno or node.lineno) < min(lines):
            continue
        signature = wanted.get(last_name(node.func))
        if signature is not None and (node.func.end_lineno or node.lineno) in lines:
            breaks = _breaks(node, signature, imported=_imports(tree, path, signature))
            yield Caller(name=signature.name, path=path, line=node.lineno, breaks=breaks)


def _text(git: Git, tree: str | None, path: str) -> str | None:
    content = git.blob(f"{tree}:{path}") if tree else _from_folder(git, path)
    if content is None or len(content) > MAX_TEXT:
        return None
    return content.decode("utf-8", "surrogateescape")


def _from_folder(git: Git, path: str) -> bytes | None:
    file = git.root / path
    return file.read_bytes() if file.is_file() and not file.is_symlink() else None


def _imports(tree: ast.Module, path: str, signature: SignatureChange) -> bool:
    """Whether the name is surely that function: in the same file, or imported from its module."""
    if "." in signature.name:
        return False
    if path == signature.path:
        return True
    module = signature.path.removesuffix(".py").removesuffix("/__init__").rpartition("/")[2]
    return any(
        isinstance(node, ast.ImportFrom)
        and (node.module or "").rpartition(".")[2] == module
        and any(alias.name == signature.name and alias.asname is None for alias in node.names)
        for node in ast.walk(tree)
    )


def _breaks(call: ast.Call, signature: SignatureChange, *, imported: bool) -> str:
    starred = any(isinstance(argument, ast.Starred) for argument in call.args)
    named = [keyword.arg for keyword in call.keywords]
    if not imported or not isinstance(call.func, ast.Name):
        return ""
    if not signature.new:
        return "it is gone"
    if starred or None in named:
        return ""
    if signature.accepted is not None and len(call.args) > signature.accepted:
        return f"it is given {len(call.args)} positional arguments and takes {signature.accepted}"
    if signature.keywords is not None and (
        unknown := [name for name in named if name not in signature.keywords]
    ):
        return f"it has no parameter {unknown[0]}"
    if len(call.args) + len(named) < signature.required:
        return f"it is given {len(call.args) + len(named)} arguments and needs {signature.required}"
    return ""


def _limited(callers: list[Caller]) -> Iterator[Caller]:
    counts: dict[str, int] = {}
    for caller in sorted(callers, key=lambda one: (not one.breaks, one.path, one.line)):
        counts[caller.name] = counts.get(caller.name, 0) + 1
        if counts[caller.name] <= _MOST_PER_NAME:
            yield caller
