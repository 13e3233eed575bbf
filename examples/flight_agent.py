"""An agent that starts a durable workflow in five minutes and looks after it with cron.

python examples/flight_agent.py            the whole story on a virtual clock, in a second
agents dev examples.flight_agent:app       the same agent over HTTP, on real time
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from typing_extensions import TypedDict

from agents_sdk import Agent, AgentsApp, Schedule
from workflows import Clock, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from workflows.testing import VirtualClock

__all__ = ["FlightAgent", "FlightWorkflow", "app", "main"]


class Booking(TypedDict):
    id: str
    flight: str


class Flights(TypedDict):
    booked: dict[str, str]


def book(flight: str) -> str:
    """Where a real program calls the airline."""
    return f"seat 12A on {flight}"


class FlightWorkflow(WorkflowEntrypoint[None, Booking]):
    async def run(self, event: WorkflowEvent[Booking], step: WorkflowStep) -> str:
        seat = await step.do("book a seat", book, event.payload["flight"])
        await step.sleep("wait for the ticket", "12 minutes")
        return await step.do("send the ticket", lambda: f"ticket for {seat}")


class FlightAgent(Agent[None, Flights]):
    initial_state: Flights = {"booked": {}}

    async def on_request(self, request: Request) -> Response:
        user = request.headers.get("user-id", "anonymous")
        task = await self.schedule(300, "start_flight", {"id": user, "flight": "DL264"})
        return JSONResponse({"task": task.id, "at": task.time.isoformat()})

    async def start_flight(self, booking: Booking) -> None:
        flight = await self.workflow(FlightWorkflow).create(id=booking["id"], params=booking, exist_ok=True)
        await self.schedule("*/5 * * * *", "check_workflow_status", {"id": flight.id})

    async def check_workflow_status(self, booking: dict[str, Any], schedule: Schedule) -> None:
        status = await self.workflow(FlightWorkflow).get(booking["id"]).status()
        print(f"{schedule.time:%H:%M}  {booking['id']}: {status.status}")
        if status.finished:
            await self.set_state({"booked": {**self.state["booked"], booking["id"]: str(status.output)}})
            await self.cancel_schedule(schedule.id)


def flights(data: str = ".agents", clock: Clock | None = None) -> AgentsApp:
    """The app over a folder."""
    return AgentsApp([FlightAgent], {"MY_WORKFLOW": FlightWorkflow}, data=data, clock=clock)


app = flights()


async def main() -> Flights:
    """Books a flight and lets virtual time go by until the ticket is there."""
    clock = VirtualClock()
    with tempfile.TemporaryDirectory() as folder:
        async with flights(folder, clock) as agents:
            agent = await agents.get_agent(FlightAgent, "ann")
            await agent.schedule(300, "start_flight", {"id": "ann-1", "flight": "DL264"})
            while await agent.get_schedules():
                await clock.sleep(60)
            return agent.state


if __name__ == "__main__":
    print("on a virtual clock:")
    print(asyncio.run(main()), file=sys.stdout)
