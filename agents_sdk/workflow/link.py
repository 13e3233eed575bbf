"""From an instance to the agent that has started it, over every life of both."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol, TypeVar, cast

from pydantic_core import from_json, to_json

from agents_sdk.errors import InvalidState, NoAgent, NotRunning
from agents_sdk.workflow.report import PLACE
from agents_sdk.workflow.tracking import Row
from workflows import Failure, NonRetryableError

__all__ = ["AgentStub", "Agents", "Link"]

T = TypeVar("T")


class Agents(Protocol):
    """The agents of an app, as the workflows of its engine reach them."""

    serves: bool
    """False: the app stops, and what it raises is no answer."""

    async def started(self, workflow: str, id: str) -> Row | None:
        """Who has started an instance."""

    async def inside(self, agent: int, work: Callable[[Any], Awaitable[T]], *, reports: bool) -> T:
        """What `work` gives, called with the living agent; raises `NoAgent` when there is none any more.

        With `reports` an error is one of the agent, which hears of it in `on_error`, too.
        """

    async def report(self, row: Row, kind: Literal["complete", "errored"], what: object) -> None:
        """Tells the agent of an end before it comes, once."""

    async def broadcast(self, agent: int, message: str) -> None:
        """Sends to the clients of an agent, if there are any."""


class Link:
    """Of one instance; `row` is None when no agent has started it."""

    def __init__(self, reach: Callable[[str], Awaitable[Agents | None]], row: Row | None, id: str) -> None:
        self.row = row
        self._id = id
        self._reach = reach

    async def call(self, method: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Calls a public method of the agent."""

        async def call(agent: Any) -> Any:
            function = getattr(agent, method)
            if not callable(function):
                raise TypeError(f"{type(agent).__name__}.{method} is no method: write one that returns it")
            result = function(*arguments, **named)
            return await result if inspect.isawaitable(result) else result

        return await self._inside(call)

    async def progress(self, progress: object) -> None:
        """Tells the agent how far it is; an error of the hook is the agent's own."""
        row = self._row()
        try:
            await self._inside(
                lambda agent: agent.on_workflow_progress(row.name, row.instance, progress), reports=True
            )
        except (NoAgent, NotRunning):
            raise
        except Exception:  # noqa: BLE001  # on_error has heard of it
            return

    async def broadcast(self, message: object) -> None:
        """Sends to the clients of the agent."""
        text, row = to_json(message).decode(), self._row()
        await self._ask(lambda agents: agents.broadcast(row.agent, text))

    async def complete(self, result: object) -> None:
        """Tells the agent that it is complete."""
        await self._ask(lambda agents: agents.report(self._row(), "complete", result))

    async def error(self, error: Failure) -> None:
        """Tells the agent that it has failed."""
        await self._ask(lambda agents: agents.report(self._row(), "errored", error))

    async def event(self, event: object) -> None:
        """Tells the agent something of the workflow's own."""
        row = self._row()
        await self._inside(lambda agent: agent.on_workflow_event(row.name, row.instance, event), reports=True)

    async def set_state(self, state: object) -> None:
        """Replaces the agent's state."""
        await self._change(lambda _: state)

    async def merge_state(self, part: dict[str, Any]) -> None:
        """Replaces some keys of the agent's state."""
        await self._change(lambda agent: {**_state_of(agent), **part})

    async def reset_state(self) -> None:
        """Replaces the agent's state by its initial one."""
        await self._change(_initial_state_of)

    async def _change(self, state: Callable[[Any], object]) -> None:
        async def change(agent: Any) -> None:
            try:
                await agent.set_state(state(agent))
            except InvalidState as error:  # it would not fit the next time either
                raise NonRetryableError(str(error), "InvalidState") from error

        await self._inside(change)

    async def _inside(self, work: Callable[[Any], Awaitable[T]], *, reports: bool = False) -> T:
        number = self._row().agent
        return await self._ask(lambda agents: agents.inside(number, work, reports=reports))

    async def _ask(self, ask: Callable[[Agents], Awaitable[T]]) -> T:
        """Waits for an app; one that stops meanwhile is followed by the next."""
        while True:
            agents = await self._reach(PLACE)
            if agents is None:
                return cast(T, None)  # a replay: nothing is done
            try:
                return await ask(agents)
            except NotRunning:
                if agents.serves:
                    raise

    def _row(self) -> Row:
        if self.row is None:
            raise NoAgent(f'no agent has started "{self._id}": start it by run_workflow of an agent')
        if self.row.damage is not None:
            raise NoAgent(self.row.damage)
        return self.row


class AgentStub:
    """`self.agent` of a workflow: every public method of the agent, to be awaited."""

    def __init__(self, link: Link, cls: object) -> None:
        self.__dict__["_link"], self.__dict__["_cls"] = link, cls

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        if name.startswith("_"):
            raise AttributeError(f"{name!r} is private: agents offer their public methods")
        link: Link = self.__dict__["_link"]

        async def call(*arguments: Any, **named: Any) -> Any:
            return await link.call(name, arguments, named)

        known = getattr(self.__dict__["_cls"], name, None)
        if not inspect.isfunction(known):
            call.__name__ = call.__qualname__ = name
            return call
        signature = inspect.signature(known)
        typed = functools.wraps(known)(call)  # so that a step knows the type of what it returns
        typed.__signature__ = signature.replace(parameters=[*signature.parameters.values()][1:])  # type: ignore[attr-defined]  # read by inspect
        return typed

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name!r} of an agent is set by its own methods only")


def _state_of(agent: Any) -> dict[str, Any]:
    encoded = agent.ctx.state.encoded
    state = {} if encoded is None else from_json(encoded)
    if not isinstance(state, dict):
        raise InvalidState(f"the state of {type(agent).__name__} has no keys to be merged: replace it")
    return state


def _initial_state_of(agent: Any) -> object:
    try:
        return agent.initial_state
    except AttributeError:
        raise InvalidState(f"{type(agent).__name__} has no initial_state to go back to") from None
