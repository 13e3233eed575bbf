"""`# review: ignore[rule]`: comments that silence a remark, which is reported."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping

from integrations.code_review.finding import Finding, Severity
from integrations.code_review.globs import matches_any

__all__ = ["is_silenced"]

_COMMENT = re.compile(r"(?:#|//|/\*|<!--|--|;)\s*review:\s*ignore(?:\[(?P<rules>[^\]]*)\])?")
_COMMENT_ALONE = re.compile(r"\s*(?:#|//|/\*|<!--|--|;)")


def is_silenced(
    finding: Finding, text: Mapping[int, str], *, added: Container[int], fail_on: Severity
) -> bool:
    """Whether a comment on the line of the finding, or alone on the line above, names its rule.

    Without rules it means all. A critical finding is never silenced by the text that it is about, and one
    that fails the review not by a comment which the change itself brings: `added` are its lines.
    """
    if finding.severity is Severity.CRITICAL or finding.scope == "file":
        return False
    failing = finding.severity.at_least(fail_on) and not finding.preexisting
    rows = [number for number in range(finding.line, finding.end_line + 1) if number in text]
    if _COMMENT_ALONE.match(text.get(finding.line - 1, "")):
        rows.append(finding.line - 1)
    return any(_names(text[row], finding.rule) for row in rows if not (failing and row in added))


def _names(row: str, rule: str) -> bool:
    found = _COMMENT.search(row)
    if found is None:
        return False
    rules = found["rules"]
    return rules is None or matches_any(rule, [name.strip() for name in rules.split(",") if name.strip()])
