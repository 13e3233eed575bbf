"""Public functions whose parameters changed, or that are gone."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

from integrations.code_review.change_map.model import SignatureChange
from integrations.code_review.diff.model import FilePatch
from integrations.code_review.scopes import Definition, Scope, function_scopes
from integrations.code_review.signals.pairing import Text

__all__ = ["signature_changes"]


def signature_changes(path: str, old: Text, new: Text, patch: FilePatch) -> Iterator[SignatureChange]:
    """One per function of the old text that can be called from elsewhere."""
    after = {scope.name: scope for scope in function_scopes(new.tree)}
    for name, scope in {scope.name: scope for scope in function_scopes(old.tree)}.items():
        if scope.nested or not _is_public(name):
            continue
        found = after.get(name)
        if found is not None and old.slice(scope) == new.slice(found):
            continue
        before = _signature(scope.node)
        if found is None:
            yield SignatureChange(path=path, line=_where_gone(patch, scope), name=name, old=before, new="")
        elif (now := _signature(found.node)) != before:
            given = _parameters(found.node)
            yield SignatureChange(
                path=path,
                line=found.node.lineno,
                name=name,
                old=before,
                new=now,
                required=len(given.positional) - len(given.node.defaults),
                accepted=None if given.node.vararg else len(given.positional),
                keywords=None if given.node.kwarg else given.named,
            )


@dataclass(frozen=True, slots=True)
class _Parameters:
    node: ast.arguments
    positional: tuple[str, ...]
    """Without `self`."""
    named: tuple[str, ...]


def _parameters(node: Definition) -> _Parameters:
    given = _arguments(node)
    positional = [argument.arg for argument in (*given.posonlyargs, *given.args)]
    if positional and positional[0] in {"self", "cls"}:
        positional = positional[1:]
    named = [argument.arg for argument in (*given.args, *given.kwonlyargs)]
    return _Parameters(given, tuple(positional), tuple(named))


def _arguments(node: Definition) -> ast.arguments:
    assert not isinstance(node, ast.ClassDef)
    return node.args


def _is_public(name: str) -> bool:
    return not any(part.startswith("_") and part != "__init__" for part in name.split("."))


def _signature(node: Definition) -> str:
    """The parameters without annotations: those change nothing for callers."""
    given = copy.deepcopy(_arguments(node))
    for argument in ast.walk(given):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    prefix = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    return f"{prefix} {node.name}({ast.unparse(given)})"


def _where_gone(patch: FilePatch, scope: Scope) -> int:
    for hunk in patch.hunks:
        if hunk.old_start <= scope.last and hunk.old_start + hunk.old_count > scope.first:
            return hunk.new_start
    return 0
