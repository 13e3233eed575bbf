"""Agents with sub-agents; `python -m tests.agents_sdk.family FOLDER` is killed while they are destroyed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from agents_sdk import Agent, AgentsApp, PathStep, callable, current_agent  # noqa: A004
from tests.agents_sdk.killed import say

__all__ = ["Inbox", "Note", "app"]


class Inbox(Agent[Any, dict[str, Any]]):
    initial_state = {"asked": []}

    async def on_before_sub_agent(
        self, request: HTTPConnection, child: PathStep
    ) -> Response | HTTPConnection | None:
        await self.set_state({"asked": [*self.state["asked"], [request.url.path, str(child)]]})
        if child.name.startswith("status-"):
            return PlainTextResponse("refused", status_code=int(child.name.removeprefix("status-")))
        return None

    async def note(self, name: str) -> Note:
        return await self.sub_agent(Note, name)

    async def end(self) -> None:
        await self.destroy()

    async def make_after_the_end(self) -> None:
        await self.destroy()
        await self.sub_agent(Note, "late")

    async def tell(self, text: str) -> str:
        return f"{self.name} heard {text}"

    @callable()
    async def drop(self, name: str) -> bool:
        return await self.children.delete(Note, name)


class Note(Agent[Any, dict[str, Any]]):
    initial_state = {"lines": []}

    @callable()
    async def write(self, line: str) -> int:
        await self.set_state({"lines": [*self.state["lines"], line]})
        await self.sql("CREATE TABLE IF NOT EXISTS line(text)")
        await self.sql("INSERT INTO line VALUES(?)", line)
        return len(self.state["lines"])

    async def rows(self) -> int:
        await self.sql("CREATE TABLE IF NOT EXISTS line(text)")
        return len(await self.sql("SELECT * FROM line"))

    async def below(self, name: str) -> Note:
        return await self.sub_agent(Note, name)

    async def ask_parent(self, text: str) -> str:
        return await (await self.parent_agent(Inbox)).tell(f"{text} from {self.name}")

    async def whose(self) -> list[object]:
        current = current_agent()
        return [current.agent is self, current.connection, current.request]

    async def wait(self) -> None:
        self.env["waits"].set()
        await asyncio.Event().wait()

    async def on_request(self, request: Request) -> Response:
        if request.url.path == "/before":
            await self._hang()
        if request.url.path == "/within":
            return StreamingResponse(self._hanging())
        body = (await request.body()).decode()
        return JSONResponse([self.name, request.url.path, request.url.query, body])

    async def _hanging(self) -> AsyncIterator[str]:
        yield "begun"
        await self._hang()

    async def _hang(self) -> None:
        self.env["begun"].set()
        await asyncio.Event().wait()

    async def on_stop(self) -> None:
        self.env["stopped"].append(self.name)


def app(folder: Path, env: dict[str, Any] | None = None, **options: Any) -> AgentsApp:
    """The app over a folder: notes are sub-agents only."""
    return AgentsApp(
        [Inbox], sub_agents=[Note], data=folder, env={"stopped": []} if env is None else env, **options
    )


async def main(folder: Path) -> None:
    """Destroys an agent that has sub-agents, and waits to be killed before anything of them is deleted."""
    async with app(folder) as agents:
        inbox = await agents.get_agent(Inbox, "ann")
        note = await inbox.note("a")
        for one in (note, await note.below("b")):
            await one.write("x")
            await one.schedule(3_600, "write", "later")
        note.spawn(asyncio.Event().wait())  # is given its time
        await inbox.end()
        say("destroyed")
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
