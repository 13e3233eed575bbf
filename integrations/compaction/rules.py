"""Standing rules of the user, carried past every summary word for word: summaries lose most of them."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict


class Rule(BaseModel):
    """Something the user said once and that holds from then on, e.g. "never push to main"."""

    model_config = ConfigDict(frozen=True)

    text: str
    message_id: str
    """The message in which it was said."""


def describe(rules: Sequence[Rule]) -> str:
    """Lines for the model; nothing without rules."""
    if not rules:
        return ""
    lines = "\n".join(f"- {rule.text}" for rule in rules)
    return f"Standing instructions of the user, word for word; they still hold:\n{lines}"
