"""A checkout that takes a month: charge, wait for a confirmation, ask for feedback, follow up.

    python examples/checkout.py

The clock of the test kit jumps over the waiting, so 32 days pass in a moment. Without `clock=` they take
32 days, and the process may be killed and started again at any time in between.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel

from workflows import Engine, NonRetryableError, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from workflows.testing import VirtualClock


class Order(BaseModel):
    id: str
    amount: Decimal
    email: str


class Receipt(BaseModel):
    transaction: str
    charged: Decimal


class Confirmation(BaseModel):
    ok: bool


class Shop:
    """The outside world: a payment provider that fails now and then, and a mail server."""

    def __init__(self) -> None:
        self.outbox: list[str] = []
        self._calls = itertools.count(1)

    async def charge(self, order: Order) -> Receipt:
        if next(self._calls) == 1:
            raise ConnectionError("the payment provider did not answer")
        # The order's id is the idempotency key: after a crash the provider may be asked a second time.
        return Receipt(transaction=f"charge-{order.id}", charged=order.amount)

    async def mail(self, to: str, text: str) -> None:
        self.outbox.append(f"{to}: {text}")


class Checkout(WorkflowEntrypoint[Shop, Order]):
    async def run(self, event: WorkflowEvent[Order], step: WorkflowStep) -> str:
        order, shop = event.payload, self.env

        receipt = await step.do(
            "submit payment",
            shop.charge,
            order,
            retries={"limit": 5, "delay": "10 seconds", "backoff": "exponential"},
            timeout="2 minutes",
        )
        confirmation = await step.wait_for_event(
            "confirmation", "confirmed", payload=Confirmation, timeout="24 hours"
        )
        if not confirmation.payload.ok:
            raise NonRetryableError("the customer did not confirm", name="Refused")

        await step.sleep("wait for feedback", "2 days")
        await step.do("ask for feedback", shop.mail, order.email, f"How was order {order.id}?")
        await step.sleep("wait to follow up", "30 days")
        await step.do("follow up", shop.mail, order.email, "We have something new.")
        return receipt.transaction


async def main(database: Path) -> None:
    shop = Shop()
    async with Engine(database, workflows=[Checkout], env=shop, clock=VirtualClock()) as engine:
        order = Order(id="1", amount=Decimal("12.50"), email="ann@example.com")
        instance = await engine.workflow(Checkout).create(id="order-1", params=order, exist_ok=True)
        await instance.send_event("confirmed", Confirmation(ok=True))

        async for event in instance.subscribe():
            print(f"{event.timestamp:%d %b %H:%M:%S}", event.type, event.step_name or "")
        print("output:", await instance.result())
    print(*shop.outbox, sep="\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(Path(folder) / "shop.db"))
