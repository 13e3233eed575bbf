"""A report for programs."""

from __future__ import annotations

import json

from integrations.code_review.finding import Finding, Skipped
from integrations.code_review.report import ReviewReport, exit_code

__all__ = ["json_text"]


def json_text(report: ReviewReport) -> str:
    """One JSON object; keys are added over time, never renamed."""
    shown = {
        "mode": report.mode,
        "title": report.title,
        "base": report.base,
        "head": report.head,
        "model": report.model,
        "files_reviewed": list(report.files_reviewed),
        "files_skipped": _listed(report.files_skipped),
        "findings": [_finding(finding) for finding in report.findings],
        "ignored": [_finding(finding) for finding in report.ignored],
        "incomplete": _listed(report.incomplete),
        "unseen": _listed(report.unseen),
        "dropped": report.dropped.model_dump(),
        "change_map": report.change_map.model_dump(),
        "usage": report.usage.model_dump(),
        "fail_on": report.fail_on,
        "failing": report.failing,
        "exit_code": exit_code(report),
    }
    return json.dumps(shown, indent=2, ensure_ascii=False) + "\n"


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "path": finding.path,
        "line": finding.line,
        "end_line": finding.end_line,
        "severity": finding.severity,
        "rule": finding.rule,
        "message": finding.message,
        "evidence": finding.evidence,
        "symbol": finding.symbol,
        "scope": finding.scope,
        "preexisting": finding.preexisting,
        "fingerprint": finding.fingerprint,
    }


def _listed(skipped: tuple[Skipped, ...]) -> list[dict[str, str]]:
    return [{"path": one.path, "reason": one.reason} for one in skipped]
