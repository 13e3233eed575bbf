"""LangGraph with its SQLite saver: a graph whose nodes come one after the other."""

from __future__ import annotations

import asyncio
import operator
import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph

from benchmarks.child import Reply, Request, answer
from benchmarks.load import measured, pay


class State(TypedDict):
    """What the nodes hand on."""

    total: Annotated[int, operator.add]
    receipt: dict[str, Any]


def _graph(steps: int) -> Any:
    graph: Any = StateGraph(State)
    for number in range(steps):
        graph.add_node(f"step{number}", _node(number))
        graph.add_edge(START if number == 0 else f"step{number - 1}", f"step{number}")
    graph.add_edge(f"step{steps - 1}", END)
    return graph


def _node(number: int) -> Any:
    async def step(_: State) -> dict[str, Any]:
        receipt = pay(number)
        return {"total": receipt["amount"], "receipt": receipt}

    return step


async def _measured(request: Request) -> Reply:
    file = Path(request["folder"]) / "langgraph.db"
    steps = request["steps"]
    async with AsyncSqliteSaver.from_conn_string(str(file)) as saver:
        graph = _graph(steps).compile(checkpointer=saver)

        async def one(number: int) -> bool:
            state = await graph.ainvoke(
                {"total": 0, "receipt": {}},
                {"configurable": {"thread_id": f"w{number}"}, "recursion_limit": steps + 5},
                durability=request["durability"],
            )
            return bool(state["total"] == sum(range(steps)))

        told = await measured(request, one)
    with closing(sqlite3.connect(file)) as connection:
        # After each step, one of its state; besides them, one of the input and one of the start.
        [states] = connection.execute("SELECT count(*) FROM checkpoints").fetchone()
    present = states - 2 * (told["acknowledged"] // steps)
    return {**told, "present": present, "versions": {"LangGraph": version("langgraph")}}


if __name__ == "__main__":
    answer(lambda request: asyncio.run(_measured(request)))
