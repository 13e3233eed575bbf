"""The flight agent, on virtual time and over HTTP."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from examples import flight_agent
from tests.agents_sdk.served import served

pytestmark = pytest.mark.anyio


async def test_the_ticket_arrives_and_the_checks_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert await flight_agent.main() == {"booked": {"ann-1": "ticket for seat 12A on DL264"}}
    assert capsys.readouterr().out.splitlines() == [
        "00:10  ann-1: waiting",
        "00:15  ann-1: waiting",
        "00:20  ann-1: complete",
    ]


async def test_a_request_schedules_the_flight(tmp_path: Path) -> None:
    app = flight_agent.flights(str(tmp_path))
    async with served(app) as address, httpx.AsyncClient() as client:
        url = f"http://{address}/agents/flight-agent/ann"
        task = (await client.post(url, headers={"user-id": "ann-2"})).json()["task"]
        schedule = await (await app.get_agent(flight_agent.FlightAgent, "ann")).get_schedule(task)
    assert schedule is not None
    assert (schedule.callback, schedule.payload) == ("start_flight", {"id": "ann-2", "flight": "DL264"})
