"""One finding per thing and line, whoever found it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from integrations.code_review.finding import Finding

__all__ = ["by_weight", "merged"]

_ORIGINS = ("rules", "model", "lint", "signal")
_TOPICS: Mapping[str, str] = {
    "lint/S602": "check/shell",
    "lint/S604": "check/shell",
    "lint/S605": "check/shell",
    "lint/S301": "check/unsafe-load",
    "lint/S302": "check/unsafe-load",
    "lint/S307": "check/eval",
    "lint/S102": "check/eval",
    "lint/S306": "check/mktemp",
    "lint/S501": "check/unverified-tls",
    "lint/S323": "check/unverified-tls",
    "lint/S506": "check/yaml-load",
    "lint/S608": "check/sql",
    "lint/E722": "check/broad-except",
    "lint/BLE001": "check/broad-except",
    "lint/S110": "check/swallowed-exception",
    "lint/S112": "check/swallowed-exception",
    "lint/T100": "check/debugger",
    "lint/B006": "signal/mutable-default",
    "lint/B909": "signal/changed-while-iterating",
    "lint/ASYNC210": "check/blocking-call",
    "lint/ASYNC221": "check/blocking-call",
    "lint/ASYNC251": "check/blocking-call",
    "lint/PLE2502": "check/hidden-text",
    "signal/handler-widened": "check/broad-except",
    "signal/moved-into-loop": "signal/early-exit",
    "signal/exit-lost": "signal/guard-removed",
    "signal/branch-lost": "signal/guard-removed",
    "signal/inverted-comparison": "signal/inverted-condition",
    "signal/copy-lost": "signal/changed-while-iterating",
}
"""Rules that say the same of the same line."""
_KINDS: Mapping[str, str] = {
    "check/shell": "security",
    "check/eval": "security",
    "check/sql": "security",
    "check/unsafe-load": "security",
    "check/yaml-load": "security",
    "check/unverified-tls": "security",
    "check/mktemp": "security",
    "check/broad-except": "error-handling",
    "check/swallowed-exception": "error-handling",
    "check/blocking-call": "concurrency",
    "change/caller-breaks": "api",
}
"""What a model calls what these rules find."""


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """The worst of those that say the same.

    A model is shown what signals and rules noticed: where it speaks of the same line, its words stand for a
    signal, and a rule's words for those of the model. Nothing stands for something worse, so that no model
    can talk a finding away.
    """
    kept: dict[tuple[str, int, str, str], Finding] = {}
    for finding in sorted(findings, key=by_weight):
        subject = "" if _topic(finding) in _TOPICS.values() else finding.subject
        kept.setdefault((finding.path, finding.line, _topic(finding), subject), finding)
    by_line: dict[tuple[str, int], list[Finding]] = {}
    for finding in kept.values():
        by_line.setdefault((finding.path, finding.line), []).append(finding)
    return [one for one in kept.values() if not _said(one, by_line[one.path, one.line])]


def by_weight(finding: Finding) -> tuple[bool, int, int, str, int, str]:
    """The worst first; what was there before comes last."""
    return (
        finding.preexisting,
        finding.severity.rank,
        _ORIGINS.index(finding.origin),
        finding.path,
        finding.line,
        finding.rule,
    )


def _topic(finding: Finding) -> str:
    return _TOPICS.get(finding.rule, finding.rule)


def _said(finding: Finding, others: Sequence[Finding]) -> bool:
    """Whether another one of its line says it."""
    return any(
        one.severity.at_least(finding.severity) and one.preexisting == finding.preexisting
        for one in others
        if _stands_for(one, finding)
    )


def _stands_for(one: Finding, other: Finding) -> bool:
    if one.scope != "line" or other.scope != "line":
        return False
    if other.origin == "signal":
        return one.origin == "model"
    kind = _KINDS.get(_topic(one))
    return other.origin == "model" and kind is not None and other.rule == f"model/{kind}"
