"""Public functions whose parameters changed, or that are gone."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

from integrations.code_review.change_map.model import SignatureChange
from integrations.code_review.checks.page import last_name
from integrations.code_review.diff.model import FilePatch
from integrations.code_review.scopes import Definition, Scope, function_scopes
from integrations.code_review.signals.pairing import Text

__all__ = ["signature_changes"]

_TRANSPARENT = frozenset(
    {"asynccontextmanager", "cache", "classmethod", "contextmanager", "deprecated", "final", "lru_cache"}
    | {"override", "staticmethod"}
)


def signature_changes(path: str, old: Text, new: Text, patch: FilePatch) -> Iterator[SignatureChange]:
    """One per function of the old text that can be called from elsewhere."""
    after = {scope.name: scope for scope in function_scopes(new.tree)}
    imported, classes = _bound(new.tree)
    for name, scope in {scope.name: scope for scope in function_scopes(old.tree)}.items():
        if scope.nested or not _is_public(name):
            continue
        found = after.get(name)
        if found is not None and old.slice(scope) == new.slice(found):
            continue
        before = _signature(scope.node)
        if found is None and ("*" in imported or name.partition(".")[0] in imported or name in classes):
            continue  # it moved, and can still be called by this name
        if found is None:
            yield SignatureChange(path=path, line=_where_gone(patch, scope), name=name, old=before, new="")
        elif (now := _signature(found.node)) != before:
            given = _parameters(found.node)
            known = all(_leaves_parameters(one) for one in found.node.decorator_list)
            yield SignatureChange(
                path=path,
                line=found.node.lineno,
                name=name,
                old=before,
                new=now,
                required=len(given.positional) - len(given.node.defaults) if known else 0,
                accepted=None if given.node.vararg or not known else len(given.positional),
                keywords=None if given.node.kwarg or not known else given.named,
            )


def _bound(tree: ast.Module) -> tuple[set[str], set[str]]:
    """What a module imports or assigns, and its classes: names that are not there by a `def`."""
    bound: set[str] = set()
    for node in tree.body:
        match node:
            case ast.Import() | ast.ImportFrom():
                bound |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
            case ast.Assign():
                bound |= {target.id for target in node.targets if isinstance(target, ast.Name)}
            case _:
                pass
    return bound, {node.name for node in tree.body if isinstance(node, ast.ClassDef)}


def _leaves_parameters(decorator: ast.expr) -> bool:
    """Whether a decorated function takes what its `def` says; of others nobody knows."""
    call = decorator.func if isinstance(decorator, ast.Call) else decorator
    return last_name(call) in _TRANSPARENT


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
