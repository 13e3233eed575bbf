"""A report for comments on a pull request: what it quotes can address nobody and load nothing."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from integrations.code_review.finding import Finding
from integrations.code_review.render.words import (
    dropped_words,
    grouped,
    mode_words,
    place,
    scope_words,
    spent_words,
)
from integrations.code_review.report import ReviewReport

__all__ = ["markdown", "plain_markdown"]

_LONGEST = 60_000
_SPAN = re.compile(r"`([^`\n]+)`")
_ACTIVE = re.compile(r"([\\*_{}\[\]()!|~`+])")
_BREAK = "<!-- -->"
_LINKING = re.compile(r"(@)(?=\w)|(#)(?=\d)|(\bGH-)(?=\d)|(:)(?=//)|(\bwww)(?=\.)", re.IGNORECASE)


def markdown(report: ReviewReport) -> str:
    """Every quoted text is escaped: HTML, mentions, references to issues, links and images."""
    text = "\n".join(_lines(report)) + "\n"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rpartition(chr(10))[0]}\n\n(cut)\n"


def plain_markdown(text: str) -> str:
    """`text` as Markdown that shows just that; what stands between backticks becomes code."""
    parts: list[str] = []
    at = 0
    for span in _SPAN.finditer(text):
        parts += [_escaped(text[at : span.start()]), _code(span[1])]
        at = span.end()
    return "".join([*parts, _escaped(text[at:])])


def _lines(report: ReviewReport) -> Iterator[str]:
    yield f"### Review of {plain_markdown(report.title)}"
    yield ""
    yield plain_markdown(mode_words(report))
    yield ""
    for finding in report.findings:
        yield from _finding(finding)
    if not report.findings:
        yield "Nothing found."
        yield ""
    yield f"Risk **{report.change_map.risk}**. {plain_markdown(scope_words(report))}"
    if report.usage.requests:
        yield ""
        yield plain_markdown(spent_words(report))
    if words := dropped_words(report):
        yield ""
        yield f"Not shown: {plain_markdown('; '.join(words))}."
    for title, skipped in (("Incomplete", report.incomplete), ("Skipped", report.files_skipped)):
        if skipped:
            yield ""
            yield f"<details><summary>{title}</summary>"
            yield ""
            yield from (f"- {plain_markdown(line)}" for line in grouped(skipped))
            yield ""
            yield "</details>"


def _finding(finding: Finding) -> Iterator[str]:
    before = " (was there before)" if finding.preexisting else ""
    yield f"**{finding.severity}** {_code(place(finding))} {_code(finding.rule)}{before}"
    yield ""
    yield plain_markdown(finding.message)
    yield ""
    if finding.evidence:
        fence = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`+", finding.evidence)), 3)
        yield fence
        yield finding.evidence
        yield fence
        yield ""


def _code(text: str) -> str:
    # `<code>` and not backticks, so that backticks in the text cannot end it; nothing in it is linked.
    return f"<code>{_ACTIVE.sub(_entity, html.escape(text))}</code>"


def _entity(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};"


def _escaped(text: str) -> str:
    shown = _ACTIVE.sub(r"\\\1", html.escape(text.replace("\n", " "), quote=False))
    return _LINKING.sub(lambda match: f"{match[0]}{_BREAK}", shown)
