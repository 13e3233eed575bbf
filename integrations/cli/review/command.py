"""The command itself. What it runs is imported when it is called, so that other commands start fast."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["review"]


class Form(StrEnum):
    """How a report is written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    MARKDOWN = "markdown"


def review(
    where: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FOLDER] [A..B] | URL", help="A folder, a range of commits; or a pull request."
        ),
    ] = None,
    base: Annotated[str | None, typer.Option(help="Review the commits since this branch or commit.")] = None,
    staged: Annotated[bool, typer.Option("--staged", help="Review what is staged.")] = False,
    patch: Annotated[Path | None, typer.Option(help="Review this diff; - reads it from stdin.")] = None,
    form: Annotated[Form, typer.Option("--format", help="How the report is written.")] = Form.TEXT,
    json: Annotated[bool, typer.Option("--json", help="Short for --format json.")] = False,
    fail_on: Annotated[
        str | None, typer.Option(metavar="SEVERITY", help="Exit with 1 for this or worse, e.g. medium.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model that reads along; else OPENAI_MODEL.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no model, whatever is configured.")] = False,
    scripted: Annotated[Path | None, typer.Option(help="Take a model's answers from this JSON file.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Forget what is recorded of this review.")] = False,
    post: Annotated[
        bool, typer.Option("--post", help="Tell the findings at the pull request, once for each head.")
    ] = False,
    db: Annotated[Path | None, typer.Option(help="Keep the review in this file.")] = None,
) -> int:
    """Review a change: what is not committed, else the branch; or a pull request at GitHub.

    The report goes to stdout. Killed at any moment, the same command goes on where it was.
    Exit code 0: nothing at or above --fail-on; 1: findings; 2: the question was wrong; 3: incomplete.
    """
    from integrations.cli.review.answering import Manner
    from integrations.cli.review.run import Wanted, run_review

    wanted = Wanted(words=where or [], base=base, staged=staged, patch=patch, post=post)
    manner = Manner(model=model, offline=offline, scripted=scripted, again=again, database=db)
    return run_review(wanted, manner, form="json" if json else form.value, fail_on=fail_on)
