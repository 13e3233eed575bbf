"""A chat room: clients connect by WebSocket, the history is the agent's state and survives restarts.

python examples/chat_backend.py            serves it on loopback until Ctrl-C
agents dev examples.chat_backend:app       the same, and again whenever the source changes
python -m websockets ws://127.0.0.1:8787/agents/chat-agent/lobby
"""

from __future__ import annotations

import uvicorn
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from typing_extensions import TypedDict

from agents_sdk import Agent, AgentsApp, Connection

__all__ = ["ChatAgent", "Message", "Room", "app"]

KEPT = 200


class Message(TypedDict):
    who: str
    text: str


class Room(TypedDict):
    messages: list[Message]


class ChatAgent(Agent[None, Room]):
    initial_state: Room = {"messages": []}

    async def on_connect(self, connection: Connection, request: HTTPConnection) -> None:
        connection.send(f"welcome to {self.name}; {len(self.state['messages'])} messages so far")

    async def on_message(self, connection: Connection, message: str | bytes) -> None:
        text = message if isinstance(message, str) else message.decode(errors="replace")
        said: Message = {"who": connection.id, "text": text}
        # The new state is sent to every client, after it is committed: no message is shown and then lost.
        await self.set_state({"messages": [*self.state["messages"], said][-KEPT:]})

    async def on_request(self, request: Request) -> Response:
        return JSONResponse(self.state)


app = AgentsApp([ChatAgent])

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=8787)
