"""A chat whose answers are workflows: a model calls tools, its words are streamed, and a kill loses nothing.

python examples/support_chat.py

It needs no key and no network: a scripted model answers. The server is killed with SIGKILL in the middle of
an answer and started again; its client comes back, and has each word once.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from agents_sdk import AgentsApp, ChatAgent, Turn
from integrations.llm import LLM, ToolCall
from integrations.llm.loop import AgentLoop, show_loop
from integrations.llm.testing import Asked, Reply, ScriptedModel
from workflows import WorkflowEntrypoint, WorkflowEvent, WorkflowStep

ANSWER = "There are seven boxes of tea on the shelf, so you can have all the four boxes that you want today."


async def stock(item: str) -> str:
    """How much of an item there is."""
    return f"7 boxes of {item}, counted by process {os.getpid()}"


class Answer(WorkflowEntrypoint[LLM, list[dict[str, Any]]]):
    """One answer: each request to the model and each call of a tool is a step of it."""

    async def run(self, event: WorkflowEvent[list[dict[str, Any]]], step: WorkflowStep) -> str:
        loop = AgentLoop(self.env, [stock], instructions="You help in a shop.", stream=True)
        return (await loop.run(step, "answer", event.payload)).text


class Support(ChatAgent[LLM, None]):
    """After a crash this is called again, and finds the workflow that it has begun."""

    async def on_chat_message(self, turn: Turn) -> AsyncIterator[Any]:
        history = [{"role": one["role"], "content": text_of(one)} for one in turn.messages]
        answer = await self.workflow(Answer).create(
            id=f"{self.name}-{turn.messages[-1]['id']}", params=history, exist_ok=True
        )
        async for shown in show_loop(answer, "answer"):
            yield shown


def text_of(message: dict[str, Any]) -> str:
    return "".join(part["text"] for part in message["parts"] if part["type"] == "text")


def serve(port: str, data: str, model: str) -> None:
    app = AgentsApp([Support], [Answer], data=data, env=LLM("scripted", base_url=model))
    websockets = "agents_sdk.sockets.uvicorn:Protocol"
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="error", ws=websockets)


def script(asked: Asked) -> Reply:
    """What the model says: first it looks, then it answers, slowly."""
    if asked.body["messages"][-1]["role"] == "user":
        call = ToolCall(id="look", name="stock", arguments='{"item": "tea"}')
        return Reply("Let me see. ", tool_calls=[call], finish_reason="tool_calls")
    return Reply(ANSWER, chunk_delay=0.1)


@asynccontextmanager
async def server(*arguments: str) -> AsyncGenerator[asyncio.subprocess.Process, None]:
    process = await asyncio.create_subprocess_exec(sys.executable, __file__, "serve", *arguments)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def joined(port: int) -> ClientConnection:
    """The client, as soon as the server is there."""
    while True:
        try:
            return await connect(f"ws://127.0.0.1:{port}/agents/support/ann")
        except OSError:
            await asyncio.sleep(0.1)


async def read(client: ClientConnection, *, until: str = "") -> str:
    """The text of an answer, to its end or until a word of it has come."""
    text = ""
    async for raw in client:
        frame = json.loads(raw)
        if frame["type"] == "cf_agent_stream_resuming":
            await client.send(json.dumps({"type": "cf_agent_stream_resume_ack", "id": frame["id"]}))
        if frame["type"] != "cf_agent_use_chat_response":
            continue
        if frame["body"].startswith("{"):
            text += json.loads(frame["body"]).get("delta", "")
        if frame["done"] or (until and until in text):
            return text
    raise ConnectionError("the server has gone")


async def main(data: str, port: int) -> None:
    async with ScriptedModel(script) as model:
        async with server(str(port), data, model.url) as process:
            client = await joined(port)
            message = {"id": "u1", "role": "user", "parts": [{"type": "text", "text": "Can I have 4 teas?"}]}
            body = json.dumps({"messages": [message], "trigger": "submit-message"})
            init = {"method": "POST", "body": body}
            await client.send(json.dumps({"type": "cf_agent_use_chat_request", "id": "r1", "init": init}))
            print(f"shown:   {await read(client, until='shelf')}")
            process.kill()
        print(f"the server was killed, after the model was asked {len(model.asked)} times")

        async with server(str(port), data, model.url):
            text = await read(await joined(port))
            print(f"shown:   {text}")
    assert text == f"Let me see. {ANSWER}"
    results = {asked.body["messages"][-1]["content"] for asked in model.asked[1:]}
    assert len(results) == 1, "the tool was called once, by the first process"
    print(f"the model was asked {len(model.asked)} times, and the tool was called once")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(*sys.argv[2:])
    else:
        with tempfile.TemporaryDirectory() as made:
            asyncio.run(main(str(Path(made) / "data"), free_port()))
