"""`examples/checkout.py`: a month on virtual time."""

from __future__ import annotations

import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest

from examples.checkout import Checkout, Confirmation, Order, Shop
from workflows import Engine, WorkflowFailed
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

ORDER = Order(id="1", amount=Decimal("12.50"), email="ann@example.com")
DAY = 86_400


@pytest.fixture
def anyio_backend() -> str:
    """The project is asyncio only."""
    return "asyncio"


async def test_a_confirmed_order_is_charged_and_followed_up_after_32_days(tmp_path: Path) -> None:
    shop, clock, begun = Shop(), VirtualClock(), time.monotonic()
    start = clock.now()
    async with Engine(tmp_path / "shop.db", workflows=[Checkout], env=shop, clock=clock) as engine:
        instance = await engine.workflow(Checkout).create(params=ORDER)
        await instance.send_event("confirmed", Confirmation(ok=True))
        assert await instance.result() == "charge-1"
    assert len(shop.outbox) == 2
    assert clock.now() - start == pytest.approx(32 * DAY + 10, abs=0.1)  # and one retry after 10 seconds
    assert time.monotonic() - begun < 5


async def test_the_mails_wait_for_their_day_over_a_restart_of_the_process(tmp_path: Path) -> None:
    shop, clock = Shop(), VirtualClock()
    async with Engine(tmp_path / "shop.db", workflows=[Checkout], env=shop, clock=clock) as engine:
        instance = await engine.workflow(Checkout).create(id="order-1", params=ORDER)
        await instance.send_event("confirmed", Confirmation(ok=True))
        await clock.sleep(3 * DAY)
        assert len(shop.outbox) == 1
    async with Engine(tmp_path / "shop.db", workflows=[Checkout], env=shop, clock=clock) as engine:
        assert await engine.workflow(Checkout).get("order-1").result() == "charge-1"
    assert len(shop.outbox) == 2


@pytest.mark.parametrize(
    ("confirmation", "reason"),
    [(Confirmation(ok=False), "Refused: the customer did not confirm"), (None, "timed out after 86400000ms")],
)
async def test_without_a_confirmation_nobody_gets_a_mail(
    tmp_path: Path, confirmation: Confirmation | None, reason: str
) -> None:
    shop = Shop()
    async with Engine(tmp_path / "s.db", workflows=[Checkout], env=shop, clock=VirtualClock()) as engine:
        instance = await engine.workflow(Checkout).create(params=ORDER)
        if confirmation is not None:
            await instance.send_event("confirmed", confirmation)
        with pytest.raises(WorkflowFailed, match=reason):
            await instance.result()
    assert shop.outbox == []


def test_it_runs_by_itself() -> None:
    command = [sys.executable, "examples/checkout.py"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert "output: charge-1" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "ann@example.com: We have something new."
