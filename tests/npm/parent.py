"""`Parent` has sub-agents of the class `Child`, which clients reach through it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from agents_sdk import Agent, PathStep, callable  # noqa: A004

__all__ = ["Child", "Parent"]

_REFUSED = {"forbidden": 404, "boom": 500}


class Parent(Agent[None, Any]):
    async def on_before_sub_agent(self, request: HTTPConnection, child: PathStep) -> Response | None:
        status = _REFUSED.get(child.name)
        return None if status is None else PlainTextResponse("not here", status_code=status)

    @callable(name="spawn")
    async def make(self, name: str) -> str:
        return await (await self.sub_agent(Child, name)).hello("parent")

    @callable()
    async def kids(self) -> list[dict[str, Any]]:
        return [
            {"className": one.class_name, "name": one.name, "createdAt": int(one.created.timestamp() * 1000)}
            for one in await self.children.list()
        ]

    @callable()
    async def drop(self, name: str) -> bool:
        return await self.children.delete(Child, name)


class Child(Agent[None, dict[str, int]]):
    initial_state = {"n": 0}

    async def hello(self, who: str) -> str:
        parent = self.parent_path[-1]
        return f"child {self.name} of {parent.class_name}:{parent.name} says hi {who}"

    async def on_request(self, request: Request) -> Response:
        return JSONResponse({"child": self.name, "path": request.url.path})

    @callable()
    async def bump(self) -> int:
        await self.set_state({"n": self.state["n"] + 1})
        return self.state["n"]

    @callable(name="self")
    def who(self) -> dict[str, Any]:
        return {"name": self.name, "parentPath": _path(self.parent_path), "selfPath": _path(self.self_path)}


def _path(steps: Sequence[PathStep]) -> list[dict[str, str]]:
    return [{"className": one.class_name, "name": one.name} for one in steps]
