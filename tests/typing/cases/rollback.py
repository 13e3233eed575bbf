"""What undoes a step gets what the step returns."""

from __future__ import annotations

from typing import assert_type

from workflows import RollbackContext, WorkflowStep


def pay(amount: int) -> str:
    return f"receipt {amount}"


async def pay_slowly(amount: int) -> str:
    return f"receipt {amount}"


def refund(undone: RollbackContext[str]) -> None:
    assert_type(undone.output, str | None)
    assert_type(undone.error, Exception)
    assert_type(undone.ctx.attempt, int)


async def refund_slowly(undone: RollbackContext[str]) -> None: ...


def forget(undone: RollbackContext[object]) -> None: ...


def count(undone: RollbackContext[int]) -> None: ...


def whatever() -> None: ...


async def run(step: WorkflowStep) -> None:
    assert_type(await step.do("a", pay, 5, rollback=refund), str)
    assert_type(await step.do("b", pay_slowly, 5, rollback=refund_slowly), str)
    assert_type(await step.do("c", pay, 5, rollback=forget), str)
    assert_type(await step.do("d", lambda: 5, result=int, rollback=count), int)
    await step.do("e", pay, 5, rollback=lambda undone: repr(undone.output))
    await step.do("f", pay, 5, rollback=refund, rollback_config={"timeout": "1 minute"})
    await step.do("g", lambda amount=5: amount, rollback=count)

    await step.do("x", pay, 5, rollback=whatever)  # error
    await step.do("y", pay, 5, rollback=count)  # error
    await step.do("z", pay, 5, rollback=refund, rollback_config={"sensitive": "output"})  # error
