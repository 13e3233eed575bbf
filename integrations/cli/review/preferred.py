"""The model that the settings of a repository name, for those who have a key and name none."""

from __future__ import annotations

import os
from pathlib import Path

from integrations.cli.review.question import Question
from integrations.code_review.git import Git
from integrations.code_review.settings import load_settings

__all__ = ["preferred_model"]


def preferred_model(question: Question, named: str | None) -> str | None:
    """`named`, else `OPENAI_MODEL`, else the setting `model` of the commit before the change.

    Without a key and without a server the setting does nothing: the review is offline.
    """
    reachable = os.environ.get("OPENAI_API_KEY") or os.environ.get("OPENAI_BASE_URL")
    if named or os.environ.get("OPENAI_MODEL") or not reachable:
        return named
    subject = question.subject(model=None)
    git = Git(Path(subject.repository)) if subject.repository else None
    return load_settings(git, subject.base).model
