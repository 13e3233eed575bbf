"""An app to be served by uvicorn as users do it: `DATA=folder uvicorn tests.agents_sdk.alone:app`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from agents_sdk import Agent, AgentsApp, Connection, callable  # noqa: A004  # the original's name

FOLDER = Path(os.environ["DATA"])


class Alone(Agent[Any, dict[str, int]]):
    """Writes down what becomes of it."""

    initial_state = {"n": 0}

    async def on_request(self, request: Request) -> Response:
        return PlainTextResponse(str(self.state["n"]))

    async def on_close(self, connection: Connection, code: int, reason: str, was_clean: bool) -> None:
        _note(f"closed {code}")

    async def on_stop(self) -> None:
        _note("stopped")

    @callable()
    async def add(self) -> int:
        await self.set_state({"n": self.state["n"] + 1})
        return self.state["n"]


def _note(text: str) -> None:
    with (FOLDER / "notes").open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")


app = AgentsApp([Alone], data=FOLDER / "data")
