"""A report as SARIF 2.1.0, for code scanning."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import quote

from integrations.code_review.finding import Finding, Severity
from integrations.code_review.report import ReviewReport

__all__ = ["sarif_text"]

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Mapping[Severity, str] = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.NOTE: "note",
}
_FINGERPRINT = "codeReview/v1"


def sarif_text(report: ReviewReport) -> str:
    """One run; rule ids and fingerprints are stable, paths relative to the root of the repository."""
    findings = (*report.findings, *report.ignored)
    rules = sorted({finding.rule for finding in findings})
    run = {
        "tool": {
            "driver": {
                "name": "perdure review",
                "version": _version(),
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "The root of the repository."}}},
        "invocations": [
            {
                "executionSuccessful": not report.incomplete,
                "toolExecutionNotifications": [
                    {"level": "warning", "message": {"text": f"{one.path}: {one.reason}"}}
                    for one in report.incomplete
                ],
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": [
            *(_result(finding, rules) for finding in report.findings),
            *(_result(finding, rules, silenced=True) for finding in report.ignored),
        ],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(rule: str) -> dict[str, object]:
    return {"id": rule, "shortDescription": {"text": rule.rpartition("/")[2].replace("-", " ")}}


def _result(finding: Finding, rules: list[str], *, silenced: bool = False) -> dict[str, object]:
    result: dict[str, object] = {
        "ruleId": finding.rule,
        "ruleIndex": rules.index(finding.rule),
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": _location(finding)}],
        "partialFingerprints": {_FINGERPRINT: finding.fingerprint},
        "baselineState": "unchanged" if finding.preexisting else "new",
        "properties": {"severity": finding.severity, "evidence": finding.evidence, "symbol": finding.symbol},
    }
    if silenced:
        result["suppressions"] = [{"kind": "inSource"}]
    return result


def _location(finding: Finding) -> dict[str, object]:
    location: dict[str, object] = {
        "artifactLocation": {"uri": quote(finding.path, safe="/"), "uriBaseId": "SRCROOT"}
    }
    if finding.line > 0:
        location["region"] = {"startLine": finding.line, "endLine": finding.end_line}
    return location


def _version() -> str:
    try:
        return version("perdure")
    except PackageNotFoundError:  # run from a folder that was never installed
        return "0"
