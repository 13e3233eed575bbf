"""Run compactions on a history without an engine, and look at what they did."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from integrations.compaction import (
    Carried,
    Compaction,
    CompactionIneffective,
    Message,
    Outcome,
    Overlay,
    Plan,
    Summary,
    SummaryRequest,
    commit,
    plan,
)
from integrations.compaction.overlay import view
from integrations.compaction.units import group
from integrations.tokens import message_tokens
from tests.integrations.compaction.histories import count

Summariser = Callable[[SummaryRequest], Summary | None]


def fixed(text: str) -> Summariser:
    """A summariser that always says this."""
    return lambda request: Summary(text=text)


summarisers: st.SearchStrategy[Summariser] = st.sampled_from(
    [
        lambda request: Summary(text="What was said, in short."),
        lambda request: Summary(text="Far too long. " * 4 * request.max_tokens),
        lambda request: Summary(text=" \n"),
        lambda request: None,
    ]
)


@dataclass(slots=True)
class Driver:
    """Compacts a growing history, as an application would."""

    settings: Compaction
    summariser: Summariser
    overhead: int = 0
    pinned: tuple[str, ...] = ()
    carried: Carried = field(default_factory=Carried)
    overlay: Overlay | None = None
    requests: list[SummaryRequest] = field(default_factory=list)
    ineffective: bool = False
    """The last compaction raised."""

    def compact(self, messages: Iterable[Message]) -> Outcome:
        self.ineffective = False
        try:
            outcome = self._compact(messages)
        except CompactionIneffective as error:
            self.ineffective = True
            outcome = error.outcome
        self.overlay = outcome.overlay
        return outcome

    def _compact(self, messages: Iterable[Message]) -> Outcome:
        planned = plan(
            messages,
            settings=self.settings,
            overlay=self.overlay,
            overhead=self.overhead,
            pinned=self.pinned,
            carried=self.carried,
            counter=count,
        )
        if not isinstance(planned, Plan):
            return planned
        if planned.request is None:
            return commit(planned)
        self.requests.append(planned.request)
        return commit(planned, self.summariser(planned.request))


def shown(messages: Iterable[Message], overlay: Overlay | None) -> tuple[Message, ...]:
    """What is sent without a new compaction."""
    return view(group(messages), overlay or Overlay())


def tokens(messages: Iterable[Message]) -> int:
    return sum(message_tokens(message.wire(), count) for message in messages)


def is_summary(message: Message) -> bool:
    return message.id.startswith("summary~")


def prefixes(messages: Sequence[Message]) -> list[Sequence[Message]]:
    """A history as it grows, in up to five steps."""
    steps = min(5, len(messages))
    return [messages[: len(messages) * step // steps] for step in range(1, steps + 1)]


@st.composite
def compactions(draw: DrawFn, histories: st.SearchStrategy[list[Message]]) -> tuple[list[Message], Driver]:
    """A history, and a driver for it: most take one to six times the room, some of it for instructions."""
    history = draw(histories)
    fill = draw(st.sampled_from([0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 50.0]))
    limit = max(10, int(tokens(history) / fill))
    heavy = draw(st.sampled_from([0.0, 0.0, 0.0, 0.0, 0.5, 0.8]))
    if heavy:
        instructions = "rule " * int(limit * heavy * 4 / 5)
        history = [Message(id="m0", role="system", content=instructions), *history]
    overhead = draw(st.sampled_from([0, 0, 0, 0, 0, limit // 3, 2 * limit]))
    settings = Compaction(
        window=limit + limit // 3,
        reserve=limit // 3,
        tail=draw(st.sampled_from([0, limit // 5, 20_000])),
        keep_results=draw(st.integers(0, 3)),
        keep_tools=draw(st.sampled_from([frozenset(), frozenset({"search"})])),
        pin_task=draw(st.booleans()),
        file_tools={"read": "read", "write": "changed"},
    )
    return history, Driver(settings, draw(summarisers), overhead)
