"""A report for terminals and logs."""

from __future__ import annotations

from collections.abc import Iterator

from integrations.code_review.finding import Finding
from integrations.code_review.render.words import (
    counted,
    dropped_words,
    grouped,
    mode_words,
    place,
    scope_words,
    spent_words,
)
from integrations.code_review.report import ReviewReport

__all__ = ["plain_text"]


def plain_text(report: ReviewReport) -> str:
    """Findings first, then what the change reaches, and what was not reviewed."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: ReviewReport) -> Iterator[str]:
    yield f"Review of {report.title}"
    yield mode_words(report)
    yield ""
    for finding in report.findings:
        yield from _finding(finding)
    if not report.findings:
        yield "Nothing found."
        yield ""
    yield from _reach(report)
    yield scope_words(report)
    yield from (f"  skipped {line}" for line in grouped(report.files_skipped))
    yield from (f"  partly seen {line}" for line in grouped(report.unseen))
    if words := dropped_words(report):
        yield f"Not shown: {'; '.join(words)}."
    if report.incomplete:
        yield "Incomplete, not reviewed as it should be:"
        yield from (f"  {line}" for line in grouped(report.incomplete))
    if report.usage.requests:
        yield spent_words(report)
    yield _verdict(report)


def _finding(finding: Finding) -> Iterator[str]:
    mark = " (was there before)" if finding.preexisting else ""
    symbol = f"  in {finding.symbol}" if finding.symbol else ""
    yield f"{place(finding)}  {finding.severity}  {finding.rule}{symbol}{mark}  [{finding.short}]"
    yield f"    {finding.message}"
    yield from (f"      {line}" for line in finding.evidence.splitlines())
    yield ""


def _reach(report: ReviewReport) -> Iterator[str]:
    reach = report.change_map
    reasons = f" ({', '.join(reach.reasons)})" if reach.reasons else ""
    touched = sum(len(file.functions) for file in reach.files)
    where = f"{counted(touched, 'function')} touched in {counted(len(reach.files), 'file')}"
    where = f"{counted(touched, 'function')} touched in {counted(len(reach.files), 'file')}"
    yield f"Risk {reach.risk}{reasons}; {where}."
    for one in reach.signatures:
        callers = [caller for caller in reach.callers if caller.name == one.name]
        where = ", ".join(f"{caller.path}:{caller.line}" for caller in callers[:4])
        called = f"; called at {where}{' …' if len(callers) > 4 else ''}" if callers else ""
        yield f"  {one.path}:{one.line} {one.old} -> {one.new or 'gone'}{called}"


def _verdict(report: ReviewReport) -> str:
    if not report.failing:
        return f"Nothing at or above {report.fail_on}."
    return f"{counted(report.failing, 'finding')} at or above {report.fail_on}."
