"""The sentences that every readable form of a report has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from integrations.code_review.finding import Finding, Skipped
from integrations.code_review.report import ReviewReport

__all__ = ["counted", "dropped_words", "grouped", "mode_words", "place", "scope_words", "spent_words"]

_MOST_NAMED = 6


def mode_words(report: ReviewReport) -> str:
    """What this mode can see, and what it cannot."""
    if report.mode == "offline":
        return (
            "Offline: rules, and the code before against the code after; no model was asked. "
            "It sees what changed, not whether that was wanted."
        )
    return f"Read by {report.model}; what it claimed was verified by a second look, and can still be wrong."


def scope_words(report: ReviewReport) -> str:
    """What was reviewed, as a sentence."""
    total = len(report.files_reviewed)
    return f"{counted(total, 'file')} reviewed, {len(report.files_skipped)} skipped."


def dropped_words(report: ReviewReport) -> list[str]:
    """What is not shown."""
    dropped = report.dropped
    reasons = (
        (dropped.above_max_findings, "more, over max_findings"),
        (dropped.below_min_severity, "below min_severity"),
        (dropped.ignored_rules, "of rules that the settings ignore"),
        (dropped.settled, "dismissed or told before"),
        (len(report.ignored), "silenced by `review: ignore` comments"),
        (dropped.not_proven, "claimed by the model and not proven"),
        (dropped.not_in_the_text, "claimed about code that is not there"),
    )
    return [f"{count} {words}" for count, words in reasons if count]


def grouped(skipped: Iterable[Skipped]) -> Iterator[str]:
    """The files of each reason in one line."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for one in skipped:
        by_reason[one.reason].append(one.path)
    for reason, paths in by_reason.items():
        more = f" and {len(paths) - _MOST_NAMED} more" if len(paths) > _MOST_NAMED else ""
        yield f"{', '.join(paths[:_MOST_NAMED])}{more}: {reason}"


def place(finding: Finding) -> str:
    """`path:line`, or the path alone for a remark about the file."""
    return finding.path if finding.scope == "file" else f"{finding.path}:{finding.line}"


def spent_words(report: ReviewReport) -> str:
    """What asking the model has cost."""
    spent = report.usage
    price = f"${spent.cost:.4f}"
    if spent.unpriced:
        price = (
            "price not known"
            if spent.unpriced == spent.requests
            else f"{price} and more, not all prices are known"
        )
    tokens = f"{spent.input_tokens:,} tokens in, {spent.output_tokens:,} out"
    return f"{counted(spent.requests, 'request')}, {tokens}, {price}."


def counted(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
