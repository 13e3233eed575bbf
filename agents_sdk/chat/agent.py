"""`ChatAgent`: an agent with a transcript, which answers its clients while they watch."""

# ruff: noqa: ARG002  the hooks do nothing with what they are given

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from agents_sdk.agent import Agent, Env, State
from agents_sdk.agent_tools import AgentTools, ToolRun
from agents_sdk.chat.accepted import Watching
from agents_sdk.chat.chat import Chat
from agents_sdk.chat.clearing import empty
from agents_sdk.chat.compacting import Compacting, Notes
from agents_sdk.chat.policy import Concurrency
from agents_sdk.chat.shapes import Message
from agents_sdk.chat.turn import Answered, Recovery, Turn, TurnResult
from agents_sdk.schedule import Callback

__all__ = ["ChatAgent"]


class ChatAgent(Agent[Env, State]):
    """Derive from it as from `Agent`, and write `on_chat_message`.

    Messages are those of the AI SDK (`UIMessage`), as dicts. One turn runs at a time; a turn outlives its
    client, and the process: what was accepted is answered, and what was shown is stored.
    """

    message_limit: ClassVar[int | None] = 32 << 20
    max_persisted_messages: ClassVar[int | None] = None
    """Of more messages, the oldest are deleted."""
    message_concurrency: ClassVar[Concurrency] = "queue"
    """What becomes of a message that comes while an answer is under way: `queue`, `latest`, `merge`, `drop`,
    `debounce` or `Debounce(seconds)`."""
    turn_limit: ClassVar[int] = 100
    """A client that submits while so many turns wait is refused; the agent's own turns are not."""
    trust_stored_history: ClassVar[bool] = False
    """True: a client cannot change what is stored by sending another history along with a new message."""

    compaction: ClassVar[Compacting | None] = None
    """Shortens what `turn.prompt()` gives, before a window is full; the transcript stays whole."""

    recovery_attempts: ClassVar[int] = 10
    """How often a turn that crashes cut off is run again, before it is given up."""
    recovery_age: ClassVar[float] = 86_400.0
    """Seconds after its acceptance when such a turn is given up at once."""
    recovery_error: ClassVar[str] = "The answer was interrupted and could not be completed."
    """What clients are told of a turn that was given up."""

    @property
    def messages(self) -> list[Message]:
        """The whole transcript; messages of clients whose turn has not come are in it already."""
        return self.ctx.part(Chat).transcript.messages

    @property
    def chat_notes(self) -> Notes:
        """What is kept with the chat for its compaction; it goes with the messages."""
        return self.ctx.part(Chat).notes

    def on_chat_message(self, turn: Turn) -> Any:
        """Answers `turn.messages`: write it with `async def`, or as an async generator.

        Return or yield text, chunks of a UI message stream (dicts), or the stream of an OpenAI client; or
        return a whole str, a streaming response, or None for no answer. It is cancelled when a client stops
        the answer, and called again after a crash.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot answer: give it an on_chat_message")

    async def on_chat_response(self, response: Answered) -> None:
        """An answer has ended, and is stored; called for one after the other."""

    async def on_chat_recovery(self, recovery: Recovery) -> bool:
        """Whether a turn that a crash cut off is run again; if not, what was made of it is the answer."""
        return True

    def sanitize_message_for_persistence(self, message: Message) -> Message:
        """The message as it is to be kept and shown; called before each is stored."""
        return message

    async def save_messages(
        self, messages: Sequence[Message] | Callable[[list[Message]], Sequence[Message]]
    ) -> TurnResult:
        """Stores messages, runs a turn for them, and returns when it has ended.

        A function is called with the transcript when no other turn is left, and gives what to store.
        """
        chat = self.ctx.part(Chat)
        chat.refuse_inside("save_messages")
        if callable(messages):
            await chat.turns.stable()
            messages = messages(chat.transcript.messages)
        return await chat.run(messages)

    async def persist_messages(self, messages: Sequence[Message]) -> None:
        """Stores messages, and shows the transcript to all clients; no turn is run."""
        await self.ctx.part(Chat).keep(messages)

    async def continue_last_turn(self, body: dict[str, Any] | None = None) -> TurnResult | None:
        """Goes on with the last message of the assistant; None when there is none."""
        chat = self.ctx.part(Chat)
        chat.refuse_inside("continue_last_turn")
        return await chat.go_on(body)

    @property
    def agent_tools(self) -> AgentTools:
        """The runs that `run_agent_tool` has begun."""
        return self.ctx.part(AgentTools)

    async def run_agent_tool(
        self,
        cls: type[ChatAgent[Any, Any]],
        input: Any,  # noqa: A002  # the original's name
        *,
        run_id: str | None = None,
        parent_tool_call_id: str | None = None,
        input_preview: Any = None,
        display: dict[str, Any] | None = None,
        detached: bool = False,
        on_finish: Callback | None = None,
    ) -> ToolRun:
        """A new sub-agent answers `input`, as a tool of this agent's answer: how its turn has ended.

        Clients of this agent see it live, below the call `parent_tool_call_id`. A run with the same `run_id`
        is not begun again: its end is awaited, also after a crash. Who is cancelled in it aborts the run, as
        an answer that a client stops. `detached` runs go on: this returns when the run is durable, and at
        its end the method `on_finish` is called with it, a dict, from the queue, at least once.
        """
        return await self.agent_tools.run(
            cls,
            input,
            run_id=run_id,
            parent_tool_call_id=parent_tool_call_id,
            input_preview=input_preview,
            display=display,
            detached=detached,
            on_finish=on_finish,
        )

    async def answer_as_tool(self, run_id: str, text: str, watching: Watching) -> TurnResult | None:
        """What a parent calls: answers it once, however often it is called; None: that is over already."""
        return await self.ctx.part(Chat).answer(run_id, text, watching)

    async def stop_as_tool(self, run_id: str) -> None:
        """What a parent calls that wants no more of the answer."""
        await self.ctx.part(Chat).cancel(run_id)

    async def clear_messages(self) -> None:
        """Ends all turns and deletes the transcript."""
        await empty(self.ctx.part(Chat))
