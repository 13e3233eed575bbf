"""Handlers that catch more than they can deal with."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from integrations.code_review.checks.page import Page
from integrations.code_review.finding import Finding, Severity

__all__ = ["broad_handlers", "caught_names"]

_BROAD = frozenset({"Exception", "BaseException"})


def broad_handlers(page: Page) -> Iterator[Finding]:
    """`except:` and `except Exception:` that neither raise nor look at the error."""
    for handler in page.nodes(ast.ExceptHandler):
        names = caught_names(handler)
        if (names and not _BROAD & set(names)) or _raises(handler):
            continue
        caught = f"`except {', '.join(names)}`" if names else "`except:`"
        if _does_nothing(handler):
            yield page.remark(
                handler,
                "swallowed-exception",
                Severity.LOW if names == ("Exception",) else Severity.MEDIUM,
                f"{caught} that does nothing hides every error, also those of typing mistakes. "
                "Catch the error that is expected.",
            )
        elif not names or "BaseException" in names:
            yield page.remark(
                handler,
                "broad-except",
                Severity.MEDIUM,
                f"{caught} also catches KeyboardInterrupt, SystemExit and cancellation. "
                "Catch `Exception`, or raise again.",
            )
        elif handler.name is None and not _logs(handler):
            yield page.remark(
                handler,
                "broad-except",
                Severity.LOW,
                f"{caught} catches every error and its reason is lost. Which one is expected here?",
            )


def caught_names(handler: ast.ExceptHandler) -> tuple[str, ...]:
    """The classes that a handler catches, as written; empty for a bare `except:`."""
    match handler.type:
        case None:
            return ()
        case ast.Tuple(elts=elements):
            return tuple(ast.unparse(element) for element in elements)
        case other:
            return (ast.unparse(other),)


def _raises(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) for node in ast.walk(handler))


def _does_nothing(handler: ast.ExceptHandler) -> bool:
    return all(
        isinstance(statement, ast.Pass | ast.Continue)
        or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        for statement in handler.body
    )


def _logs(handler: ast.ExceptHandler) -> bool:
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr
        in {"exception", "error", "warning", "critical", "print_exc", "format_exc", "exc_info"}
        for node in ast.walk(handler)
    )
