"""Who calls a function whose signature changed, and whether the call still fits."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
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
    wanted: dict[str, list[SignatureChange]] = {}
    for one in list(signatures)[:_MOST_NAMES]:
        wanted.setdefault(_called_as(one), []).append(one)
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


def calls_in(
    path: str, text: str, lines: set[int], wanted: Mapping[str, Sequence[SignatureChange]]
) -> list[Caller]:
    """The calls of these functions, by what they are called as, that stand on these lines."""
    outcome = syntax_of(text)
    return list(_calls(outcome.tree, path, lines, wanted)) if isinstance(outcome, Parsed) else []


def _called_as(signature: SignatureChange) -> str:
    """The last name in its calls: of a constructor that of its class."""
    *_, owner, name = ["", *signature.name.split(".")]
    return owner if name == "__init__" and owner else name


def _calls(
    tree: ast.Module, path: str, lines: set[int], wanted: Mapping[str, Sequence[SignatureChange]]
) -> Iterator[Caller]:
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or (node.func.end_lineno or node.lineno) not in lines:
            continue
        for signature in wanted.get(last_name(node.func), ()):
            if isinstance(node.func, ast.Name) and _is_method(signature):
                continue
            judged = isinstance(node.func, ast.Name) and _is_meant(tree, path, signature)
            breaks = _breaks(node, signature, alone=id(node) in alone) if judged else ""
            yield Caller(name=signature.name, path=path, line=node.lineno, breaks=breaks)


def _is_method(signature: SignatureChange) -> bool:
    return "." in signature.name and not signature.name.endswith(".__init__")


def _text(git: Git, tree: str | None, path: str) -> str | None:
    content = git.blob(f"{tree}:{path}") if tree else _from_folder(git, path)
    if content is None or len(content) > MAX_TEXT:
        return None
    return content.decode("utf-8", "surrogateescape")


def _from_folder(git: Git, path: str) -> bytes | None:
    file = git.root / path
    return file.read_bytes() if file.is_file() and not file.is_symlink() else None


def _is_meant(tree: ast.Module, path: str, signature: SignatureChange) -> bool:
    """Whether the bare name is surely that function: in the same file, or imported from its module."""
    if "." in signature.name:
        return False
    if path == signature.path:
        return True
    return any(
        isinstance(node, ast.ImportFrom)
        and _is_module(node, path, signature.path)
        and any(alias.name == signature.name and alias.asname is None for alias in node.names)
        for node in ast.walk(tree)
    )


def _is_module(node: ast.ImportFrom, importer: str, path: str) -> bool:
    """Whether `path` is what `importer` imports from; another module may have the same last name."""
    module = node.module.split(".") if node.module else []
    wanted = path.removesuffix(".py").removesuffix("/__init__").split("/")
    folder = importer.split("/")[:-1]
    if node.level:
        return folder[: len(folder) - (node.level - 1)] + module == wanted
    root = wanted[: len(wanted) - len(module)]
    return wanted[len(root) :] == module and (root[-1:] in ([], ["src"]) or folder[: len(root)] == root)


def _breaks(call: ast.Call, signature: SignatureChange, *, alone: bool) -> str:
    named = [keyword.arg for keyword in call.keywords]
    if not signature.new:
        return "it is gone"
    if alone and signature.new.startswith("async ") and not signature.old.startswith("async "):
        return "nothing awaits it, and it is `async` now"
    if any(isinstance(argument, ast.Starred) for argument in call.args) or None in named:
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
