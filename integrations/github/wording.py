"""What is posted, as Markdown: what it quotes addresses nobody, refers to nothing and loads nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from integrations.code_review import Finding, ReviewReport
from integrations.code_review.render.markdown import plain_markdown
from integrations.code_review.render.words import counted, dropped_words, grouped, mode_words, place
from integrations.github.marker import FindingMark, marked_gone
from integrations.github.standing import Remark
from integrations.secrets import masked

__all__ = ["LONGEST", "closing_words", "finding_words", "gone_words", "opening_words", "remark_words"]

LONGEST = 65_536
"""Characters of a body that GitHub takes."""


def opening_words(report: ReviewReport, told: int, known: int) -> str:
    """How a review begins."""
    what = f"{counted(told, 'finding')}." if told else "Nothing found."
    before = f" {counted(known, 'earlier one')} still open." if known else ""
    return f"**{what}**{before} {plain_markdown(mode_words(report))}"


def closing_words(report: ReviewReport) -> Iterator[str]:
    """What was reviewed, what was not, and what it cost; each part may be left out for want of room."""
    files = f"{counted(len(report.files_reviewed), 'file')} reviewed, {len(report.files_skipped)} skipped"
    spent = report.usage
    cost = f"; {spent.input_tokens + spent.output_tokens:,} tokens" if spent.requests else ""
    money = f", ${spent.cost:.4f}" if spent.cost else ""
    yield f"Risk **{report.change_map.risk}**. {files}{cost}{money}. Answer `/dismiss` to a wrong remark."
    if words := dropped_words(report):
        yield f"Not shown: {plain_markdown('; '.join(words))}."
    for title, skipped in (("Incomplete", report.incomplete), ("Skipped", report.files_skipped)):
        if skipped:
            lines = [f"- {plain_markdown(line)}" for line in grouped(skipped)]
            yield "\n".join([f"<details><summary>{title}</summary>", "", *lines, "", "</details>"])


def finding_words(finding: Finding) -> str:
    """A finding in the body of a review: with its place, as it stands at no line."""
    return f"**{finding.severity}** {plain_markdown(f'`{place(finding)}`')} {_said(finding)}"


def remark_words(finding: Finding) -> str:
    """The comment at the line of a finding."""
    return f"**{finding.severity}** {_said(finding)}\n\n{FindingMark.for_finding(finding)}"


def gone_words(remark: Remark, head: str) -> str:
    """What becomes of a comment whose finding is gone; the same for the same head."""
    before: Sequence[str] = ("<details><summary>What it said</summary>", "", remark.body, "", "</details>")
    return marked_gone("\n".join([f"**No longer found** in {head[:10]}.", "", *before, ""]))


def _said(finding: Finding) -> str:
    before = " (was there before)" if finding.preexisting else ""
    message = plain_markdown(masked(finding.message))
    return f"{plain_markdown(f'`{finding.rule}`')}{before}: {message} <sub>{finding.short}</sub>"
