"""Everything that can be called can be a step."""

from __future__ import annotations

import functools
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

import workflows
from tests.contract.world import Event, Step, World
from workflows import StepContext

pytestmark = pytest.mark.anyio


class Receipt(BaseModel):
    amount: int


class Till:
    factor = 2

    def bound(self, x: int) -> int:
        return self.factor * x

    async def with_context(self, x: int, ctx: Any) -> str:
        return f"{x} {ctx.attempt}"

    async def __call__(self, x: int) -> int:
        return self.factor * x


async def by_annotation(x: int, context: StepContext) -> str:
    return f"{x} {context.attempt}"


async def by_dotted_annotation(x: int, context: workflows.StepContext) -> str:
    return f"{x} {context.attempt}"


async def keyword_only(x: int, *, ctx: int = 7) -> int:
    return x + ctx


def receipt(amount: int) -> Annotated[Receipt, ["cannot be hashed"]]:
    return Receipt(amount=amount)


receipt.__annotations__["return"] = Annotated[Receipt, ["cannot be hashed"]]


def nonsense() -> "no type at all":  # type: ignore[valid-type]  # noqa: F722  # that is what is tested
    return 1


@pytest.mark.parametrize(
    ("function", "arguments", "expected"),
    [
        (functools.partial(Till().bound, 4), (), 8),
        (functools.partial(functools.partial(by_annotation), 4), (), "4 1"),
        (Till(), (4,), 8),
        (Till().bound, (4,), 8),
        (Till().with_context, (4,), "4 1"),
        (by_annotation, (4,), "4 1"),
        (by_dotted_annotation, (4,), "4 1"),
        (keyword_only, (4,), 11),
        (max, (4, 5), 5),
        (int, ("4",), 4),
        (nonsense, (), 1),
    ],
)
async def test_it_is_called_as_it_wants(function: Any, arguments: tuple[Any, ...], expected: Any) -> None:
    async def run(event: Event, step: Step) -> Any:
        return await step.do("s", function, *arguments)

    assert (await World(":memory:").run_twice(run)).output == expected


async def test_an_annotation_that_cannot_be_hashed_gives_the_type() -> None:
    async def run(event: Event, step: Step) -> Any:
        paid: Receipt = await step.do("s", receipt, 4)
        await step.sleep("z", 10)
        return [type(paid).__name__, paid.amount]

    assert (await World(":memory:").run_twice(run)).output == ["Receipt", 4]


async def test_more_functions_than_are_kept_are_called_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.callback._KEPT", 2)

    async def run(event: Event, step: Step) -> Any:
        ones = [lambda: 1, lambda: 2, lambda: 3, lambda: 4]
        return [await step.do("s", one) for one in ones]

    assert (await World(":memory:").run(run)).output == [1, 2, 3, 4]
