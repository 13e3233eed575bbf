"""What the program carries past every summary, word for word: summaries lose most of it."""

from collections.abc import Sequence

from integrations.value import Value

RULES = "Standing instructions of the user, word for word; they still hold:"
TASK = "What is being done:"
TODOS = "What is left to do:"
FACTS = "Facts to rely on:"


class Rule(Value):
    """Something the user said once and that holds from then on, e.g. "never push to main"."""

    text: str
    message_id: str
    """The message in which it was said."""


class Carried(Value):
    """Given to each compaction anew; it stands below the summary, as it was when that was made."""

    rules: tuple[Rule, ...] = ()
    task: str = ""
    todos: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    """Ids, numbers, paths: whatever must not be told wrong."""

    def describe(self) -> str:
        """Lines for the model; nothing when there is nothing."""
        blocks = (
            _listed(RULES, [rule.text for rule in self.rules]),
            f"{TASK} {self.task}" if self.task else "",
            _listed(TODOS, self.todos),
            _listed(FACTS, self.facts),
        )
        return "\n\n".join(filter(None, blocks))


def _listed(heading: str, lines: Sequence[str]) -> str:
    return "\n".join([heading, *(f"- {line}" for line in lines)]) if lines else ""
