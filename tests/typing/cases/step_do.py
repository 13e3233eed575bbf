"""What `await step.do(…)` is, and which calls of it are wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar, assert_type

from workflows import StepContext, WorkflowStep

T = TypeVar("T")


@dataclass
class Receipt:
    id: int


async def pay(amount: int) -> Receipt:
    return Receipt(amount)


async def pay_attempt(amount: int, ctx: StepContext) -> Receipt:
    return Receipt(amount + ctx.attempt)


async def pay_in(amount: int, currency: str = "EUR", *, note: str = "") -> Receipt:
    return Receipt(amount + len(currency) + len(note))


async def all_of(*amounts: int) -> Receipt:
    return Receipt(sum(amounts))


async def read(kind: type[T]) -> T:
    return kind()


def count(items: list[str], more: int = 0) -> int:
    return len(items) + more


def look(ctx: StepContext) -> str:
    return ctx.step.name


def later(amount: int) -> Awaitable[Receipt]:
    return pay(amount)


def nothing() -> None: ...


class Shop:
    async def buy(self, item: str) -> Receipt:
        return Receipt(len(item))

    def __call__(self, item: str) -> int:
        return len(item)


async def inferred(step: WorkflowStep, anything: Callable[..., Any]) -> None:
    assert_type(await step.do("s", pay, 5), Receipt)
    assert_type(await step.do("s", pay_attempt, 5), Receipt)
    assert_type(await step.do("s", pay_in, 5), Receipt)
    assert_type(await step.do("s", pay_in, 5, "USD"), Receipt)
    assert_type(await step.do("s", all_of, 1, 2, 3), Receipt)
    assert_type(await step.do("s", later, 5), Receipt)
    assert_type(await step.do("s", read, int), int)
    assert_type(await step.do("s", count, ["a"]), int)
    assert_type(await step.do("s", count, ["a"], 2), int)
    assert_type(await step.do("s", look), str)
    assert_type(await step.do("s", nothing), None)
    assert_type(await step.do("s", lambda: 5), int)
    assert_type(await step.do("s", lambda: pay(5)), Receipt)
    assert_type(await step.do("s", lambda ctx: ctx.attempt), int)
    # To mypy the result of a lambda with parameters is Any, to pyright it is a Receipt.
    several = [
        await step.do("s", lambda amount: pay(amount), 5),
        await step.do("s", lambda amount=5: pay(amount)),
        await step.do("s", lambda amount=5, more=6: pay(amount + more)),
    ]
    assert several[0].id
    assert_type(await step.do("s", partial(pay, 5)), Receipt)
    assert_type(await step.do("s", partial(pay_attempt, 5)), Receipt)
    assert_type(await step.do("s", partial(count, more=2), ["a"]), int)
    assert_type(await step.do("s", Shop().buy, "tea"), Receipt)
    assert_type(await step.do("s", Shop(), "tea"), int)
    assert_type(await step.do("s", Receipt, 5), Receipt)
    assert_type(await step.do("s", json.loads, "{}"), Any)
    assert_type(await step.do("s", anything, 1, 2), Any)
    assert_type(await step.scope("ann").do("s", pay, 5), Receipt)


async def with_options(step: WorkflowStep) -> None:
    assert_type(await step.do("s", pay, 5, retries={"limit": 1, "delay": "1 second"}), Receipt)
    assert_type(await step.do("s", pay, 5, timeout=3, sensitive="output"), Receipt)
    assert_type(await step.do("s", pay, 5, config={"timeout": "1 hour"}), Receipt)
    assert_type(await step.do("s", pay, 5, retries={"limit": 1, "delay": lambda failed: 5}), Receipt)


async def with_a_result(step: WorkflowStep, anything: Callable[..., Any]) -> None:
    assert_type(await step.do("s", json.loads, "{}", result=Receipt), Receipt)
    assert_type(await step.do("s", json.loads, "[]", result=list[int]), list[int])
    assert_type(await step.do("s", json.loads, "1", result=int | None), int | None)
    assert_type(await step.do("s", json.loads, '"a"', result=Literal["a", "b"]), Literal["a", "b"])
    assert_type(await step.do("s", lambda ctx: ctx.attempt, result=int, timeout=5), int)
    assert_type(await step.do("s", pay_attempt, 5, result=Receipt), Receipt)
    assert_type(await step.do("s", anything, result=dict[str, Receipt]), dict[str, Receipt])


async def together(step: WorkflowStep) -> None:
    receipt, number = await asyncio.gather(step.do("a", pay, 5), step.do("b", count, ["a"]))
    assert_type(receipt, Receipt)
    assert_type(number, int)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(step.do("c", pay, 5))
    assert_type(task.result(), Receipt)


async def wrong(step: WorkflowStep) -> None:
    await step.do("s", 5)  # error
    await step.do("s", None)  # error
    await step.do(5, pay, 5)  # error
    await step.do("s")  # error
    await step.do("s", pay)  # error
    await step.do("s", pay, "5")  # error
    await step.do("s", pay, 5, 6)  # error
    await step.do("s", pay_in, 5, 6)  # error
    await step.do("s", pay_attempt, "5")  # error
    await step.do("s", count, "a", more=2)  # error
    await step.do("s", Shop().buy, 5)  # error
    await step.do("s", pay, 5, retires={"limit": 1, "delay": 1})  # error
    await step.do("s", pay, 5, retries={"limit": "many", "delay": 1})  # error
    await step.do("s", pay, 5, retries=3)  # error
    await step.do("s", pay, 5, timeout=[1])  # error
    await step.do("s", pay, 5, sensitive="input")  # error
    await step.do("s", pay, 5, config={"timeouts": 1})  # error
    await step.do("s", pay, 5, result=5)  # error
    await step.do("s", pay, 5, concurrent=True)  # error
    text: str = await step.do("s", pay, 5)  # error
    step.do("s", pay, 5).id  # error
