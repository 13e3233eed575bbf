"""Answers from a script, for tests and for demonstrations without a model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, ValidationError

from integrations.code_review.errors import ReviewError
from integrations.code_review.model.reviewer import ModelAnswer, ModelRequest, Purpose, Spent
from integrations.code_review.visible import visible
from integrations.value import Value
from workflows import StepContext

__all__ = ["ScriptedAnswer", "ScriptedReviewer"]


class ScriptedAnswer(Value):
    """Answers requests of one purpose about paths that end with `path`, and whose prompt holds `about`."""

    model_config = ConfigDict(extra="forbid")

    purpose: Purpose
    path: str = ""
    about: str = ""
    answer: Any
    """JSON of the shape that is asked for; a string is taken as it is."""

    def fits(self, request: ModelRequest) -> bool:
        """Whether this answers the request."""
        return (
            self.purpose == request.purpose
            and request.path.endswith(self.path)
            and self.about in request.prompt
        )

    def text(self) -> str:
        """What the model is said to have written."""
        return self.answer if isinstance(self.answer, str) else json.dumps(self.answer)


class ScriptedReviewer:
    """A `Reviewer` that knows its answers; what it does not know, it answers with "nothing found".

    `requests` holds what it was asked, in order of arrival.
    """

    model = "scripted"

    def __init__(self, answers: Sequence[ScriptedAnswer] = ()) -> None:
        self._answers = tuple(answers)
        self.requests: list[ModelRequest] = []

    @classmethod
    def from_file(cls, path: Path) -> ScriptedReviewer:
        """From a JSON file with a list of answers; raises `ReviewError`."""
        try:
            return cls([ScriptedAnswer.model_validate(item) for item in json.loads(path.read_bytes())])
        except (OSError, ValueError, TypeError, ValidationError) as error:
            reason = str(error).splitlines()[0]
            raise ReviewError(f"{visible(str(path))} is no script of answers: {visible(reason)}") from None

    async def complete(self, request: ModelRequest, ctx: StepContext) -> ModelAnswer:  # noqa: ARG002 no retries here
        """The first answer that fits."""
        self.requests.append(request)
        found = next((one.text() for one in self._answers if one.fits(request)), _NOTHING[request.purpose])
        spent = Spent(
            requests=1, input_tokens=len(request.prompt) // 4, output_tokens=len(found) // 4, unpriced=1
        )
        return ModelAnswer(text=found, model=self.model, spent=spent)


_NOTHING: dict[Purpose, str] = {
    "review": '{"findings": []}',
    "cross": '{"findings": []}',
    "verify": '{"verdict": "not proven", "quote": "", "reason": "no scripted answer"}',
}
