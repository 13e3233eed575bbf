"""Calls that run, load or trust what they are given."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from integrations.code_review.checks.page import Page, callee
from integrations.code_review.finding import Finding, Severity

__all__ = ["blocking_calls", "unsafe_calls"]

_LOADERS = frozenset(
    {
        "pickle.load",
        "pickle.loads",
        "pickle.Unpickler",
        "cPickle.loads",
        "dill.load",
        "dill.loads",
        "marshal.load",
        "marshal.loads",
        "jsonpickle.decode",
        "shelve.open",
        "joblib.load",
    }
)
_SAFE_LOADERS = frozenset({"SafeLoader", "CSafeLoader", "BaseLoader"})
_QUERIES = frozenset({"execute", "executemany", "executescript", "raw"})
_QUERY = re.compile(r"\s*(?:(?:SELECT|DELETE|UPDATE)\b.*\bWHERE|INSERT)\b", re.IGNORECASE | re.DOTALL)
_SHELLS = re.compile(
    r"^(?:subprocess|sp|asyncio)\.|^(?:run|call|check_call|check_output|Popen)$|create_subprocess"
)
_BLOCKING = frozenset(
    {"time.sleep", "os.system", "subprocess.run", "subprocess.check_output", "subprocess.call"}
)


def unsafe_calls(page: Page) -> Iterator[Finding]:
    """Shells, pickles, eval, unchecked certificates, queries built from text."""
    for call in page.nodes(ast.Call):
        name = callee(call)
        if found := _unsafe(call, name):
            rule, message = found
            yield page.remark(
                call, rule, Severity.LOW if _is_contained(call, name) else Severity.MEDIUM, message
            )


def blocking_calls(page: Page) -> Iterator[Finding]:
    """Calls that stop the event loop, inside `async def`."""
    for function in ast.walk(page.tree) if page.tree else ():
        if not isinstance(function, ast.AsyncFunctionDef):
            continue
        for call in _own_calls(function):
            name = callee(call)
            if call.lineno in page.added and (name in _BLOCKING or name.startswith("requests.")):
                yield page.remark(
                    call,
                    "blocking-call",
                    Severity.MEDIUM,
                    f"`{name}` stops the whole event loop of the `async def` around it. "
                    "Use its asynchronous counterpart, or a thread.",
                )


def _unsafe(call: ast.Call, name: str) -> tuple[str, str] | None:
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    last = name.rpartition(".")[2]
    if _is_true(keywords.get("shell")) and not _is_fixed(call):
        return (
            "shell",
            f"`{name}` hands a text made at run time to a shell. Give a list, without `shell=True`.",
        )
    if name in {"os.system", "os.popen"} and not _is_fixed(call):
        return (
            "shell",
            f"`{name}` hands a text made at run time to a shell. Use `subprocess.run` with a list.",
        )
    if name in {"yaml.load", "yaml.load_all"} and not _has_safe_loader(call, keywords):
        return "yaml-load", f"`{name}` makes any object that the text asks for. Use `yaml.safe_load`."
    if name in _LOADERS:
        return (
            "unsafe-load",
            f"`{name}` runs what the content says. Is its source trusted, and can it stay so?",
        )
    if name in {"eval", "exec"} and call.args and not isinstance(call.args[0], ast.Constant):
        return "eval", f"`{name}` runs a text made at run time as code. Can this be a table or a parser?"
    if _is_false(keywords.get("verify")) or last == "_create_unverified_context":
        return "unverified-tls", f"`{name}` accepts any certificate, so anyone on the way can read along."
    if name == "tempfile.mktemp":
        return "mktemp", "`tempfile.mktemp` lets another process take the name first. Use `mkstemp`."
    if last in _QUERIES and call.args and _is_built(call.args[0]):
        return "sql", "This query is built from text. Pass the values as parameters."
    return None


def _is_contained(call: ast.Call, name: str) -> bool:
    """Code that is run in names of its own, or a method that has a shell of its own kind."""
    if name in {"eval", "exec"}:
        return len(call.args) > 1
    return any(keyword.arg == "shell" for keyword in call.keywords) and not _SHELLS.search(name)


def _is_fixed(call: ast.Call) -> bool:
    return bool(call.args) and isinstance(call.args[0], ast.Constant)


def _is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _is_false(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def _has_safe_loader(call: ast.Call, keywords: dict[str | None, ast.expr]) -> bool:
    loader = keywords.get("Loader") or (call.args[1] if len(call.args) > 1 else None)
    return loader is not None and ast.unparse(loader).rpartition(".")[2] in _SAFE_LOADERS


def _is_built(node: ast.expr) -> bool:
    match node:
        case ast.JoinedStr(values=parts):
            fixed = "".join(str(part.value) for part in parts if isinstance(part, ast.Constant))
            return any(isinstance(part, ast.FormattedValue) for part in parts) and _is_query(fixed)
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod() | ast.Add()):
            return _is_query(text)
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")):
            return _is_query(text)
        case _:
            return False


def _is_query(text: str) -> bool:
    # With placeholders the values are parameters, and only a name of a table or column is written in.
    return _QUERY.match(text) is not None and "?" not in text and "%s" not in text


def _own_calls(function: ast.AsyncFunctionDef) -> Iterator[ast.Call]:
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(node, ast.Call):
            yield node
        pending.extend(ast.iter_child_nodes(node))
