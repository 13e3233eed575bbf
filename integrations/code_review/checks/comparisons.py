"""Comparisons that leak or surprise."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from integrations.code_review.checks.page import Page, last_name
from integrations.code_review.finding import Finding, Severity
from integrations.code_review.python import is_test

__all__ = ["secret_comparisons"]

_SECRET = re.compile(
    r"(?:^|_)(?:signature|digest|hmac|mac|secret|passw(?:or)?d|api_?key|csrf|otp)s?$"
    r"|(?:auth|access|session|csrf|bearer|refresh|api|reset|webhook|expected|provided|given|stored)_(?:token|hash|sig)$",
    re.IGNORECASE,
)


def secret_comparisons(page: Page) -> Iterator[Finding]:
    """`==` between credentials tells an attacker how many characters were right."""
    if is_test(page.path):
        return
    for node in page.nodes(ast.Compare):
        if len(node.ops) != 1 or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
            continue
        sides = (node.left, node.comparators[0])
        if any(isinstance(side, ast.Constant) for side in sides):
            continue
        if names := [last_name(side) for side in sides if _SECRET.search(last_name(side))]:
            yield page.remark(
                node,
                "secret-comparison",
                Severity.MEDIUM,
                f"`{names[0]}` is compared with `==`, whose time depends on how much is equal. "
                "Use `hmac.compare_digest`.",
            )
