"""A report as text, JSON, SARIF or Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, get_args

from integrations.code_review.render.json_text import json_text
from integrations.code_review.render.markdown import markdown
from integrations.code_review.render.plain import plain_text
from integrations.code_review.render.sarif import sarif_text
from integrations.code_review.report import ReviewReport

__all__ = ["FORMATS", "Format", "render"]

Format = Literal["text", "json", "sarif", "markdown"]
FORMATS: tuple[Format, ...] = get_args(Format)
_RENDERERS: Mapping[Format, Callable[[ReviewReport], str]] = {
    "text": plain_text,
    "json": json_text,
    "sarif": sarif_text,
    "markdown": markdown,
}


def render(report: ReviewReport, form: Format = "text") -> str:
    """The report in one of `FORMATS`, ending with a line feed."""
    return _RENDERERS[form](report)
