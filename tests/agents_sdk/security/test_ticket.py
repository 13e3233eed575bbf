"""SEC-8: tickets in the query, and logs without it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from agents_sdk import Agent, AgentsApp, InvalidAgent
from agents_sdk.security import Principal, Tickets
from agents_sdk.security import ticket as ticket_module
from tests.agents_sdk.security.calls import scope_of
from tests.agents_sdk.served import served

pytestmark = pytest.mark.anyio
ANN = Principal("ann")


class Desk(Agent[Any, None]):
    async def on_request(self, request: Request) -> Response:
        return PlainTextResponse("hi")


def asked(query: str) -> HTTPConnection:
    return HTTPConnection(scope_of("websocket", f"/agents/desk/a?{query}"))


def test_sec_8_a_ticket_is_good_once() -> None:
    tickets = Tickets()
    text = tickets.issue(ANN)
    assert tickets.redeem(asked(f"ticket={text}"), "desk", "a") == ANN
    assert tickets.redeem(asked(f"ticket={text}"), "desk", "a") is None


@pytest.mark.parametrize(("after", "good"), [(59.9, True), (60.0, False), (3_600.0, False)])
def test_sec_8_a_ticket_lasts_a_minute_at_most(after: float, good: bool) -> None:
    now = [1_000.0]
    tickets = Tickets(60, now=lambda: now[0])
    text = tickets.issue(ANN)
    now[0] += after
    assert (tickets.redeem(asked(f"ticket={text}"), "desk", "a") == ANN) is good
    for lasts in (0, -1, 60.1, float("nan")):
        with pytest.raises(InvalidAgent, match="at most 60"):
            Tickets(lasts)


def test_sec_8_a_ticket_for_one_agent_is_good_for_no_other() -> None:
    tickets = Tickets()
    for agent, name, good in [("desk", "a", True), ("desk", "b", False), ("hall", "a", False)]:
        text = tickets.issue(ANN, agent="desk", name="a")
        assert (tickets.redeem(asked(f"ticket={text}"), agent, name) == ANN) is good
        assert tickets.redeem(asked(f"ticket={text}"), "desk", "a") is None  # a wrong try uses it up


@pytest.mark.parametrize("query", ["", "ticket=", "ticket=wrong", "ticket=%ff", "ticket=a&ticket={}"])
def test_sec_8_what_is_no_ticket_names_nobody(query: str) -> None:
    tickets = Tickets()
    text = tickets.issue(ANN)
    assert tickets.redeem(asked(query.format(text)), "desk", "a") is None


def test_sec_8_tickets_that_nobody_used_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticket_module, "_MANY", 100)
    now = [1_000.0]
    tickets = Tickets(now=lambda: now[0])
    issued = [tickets.issue(ANN) for _ in range(1_000)]
    assert len(tickets._known) <= 100
    assert tickets.redeem(asked(f"ticket={issued[-1]}"), "desk", "a") == ANN


async def test_sec_8_the_logs_of_the_server_show_no_query(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tickets = Tickets()

    async def who(request: HTTPConnection, agent: str, name: str) -> Response | Principal:
        found = tickets.redeem(request, agent, name)
        return found or PlainTextResponse("Unauthorized", status_code=401)

    app = AgentsApp([Desk], data=tmp_path, on_before_connect=who, on_before_request=who)
    async with served(app, log="debug") as address, httpx.AsyncClient() as client:
        for _ in range(2):
            text = tickets.issue(ANN)
            url = f"{address}/agents/desk/canary?ticket={text}&_pk=c1"
            async with connect(f"ws://{url}") as socket:
                await socket.recv()
            with pytest.raises(InvalidStatus):
                await connect(f"ws://{url}")
            await client.get(f"http://{url}")
            shown = "".join(capfd.readouterr())
            assert shown.count("/agents/desk/canary?…") >= 3
            assert text not in shown
            assert "_pk" not in shown
    for name in ("uvicorn.access", "uvicorn.error"):
        assert logging.getLogger(name).filters == []
