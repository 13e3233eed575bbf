"""What `@step.do()` makes of a function."""

from __future__ import annotations

from typing import Any, assert_type

from workflows import DecoratedStep, StepContext, WorkflowStep


def either(step: DecoratedStep[object]) -> list[DecoratedStep[object]]:
    return [step]


async def inferred(step: WorkflowStep) -> None:
    @step.do()
    async def fetch() -> str:
        return "f"

    @step.do("a name", config={"timeout": 5}, concurrent=True)
    def count(fetch: str, ctx: StepContext) -> int:
        return len(fetch) + ctx.attempt

    @step.do(name="another", depends=[fetch, count], retries={"limit": 1, "delay": 1})
    async def both(text: str, number: int) -> dict[str, int]:
        return {text: number}

    assert_type(fetch, DecoratedStep[str])
    assert_type(await fetch(), str)
    assert_type(await count(), int)
    assert_type(await both(), dict[str, int])
    assert_type(await step.do("lambda")(lambda: 5)(), int)
    several: list[DecoratedStep[Any]] = [fetch, count, both]
    assert_type([await one() for one in several], list[Any])
    assert_type([await one() for one in either(fetch)], list[object])


async def wrong(step: WorkflowStep) -> None:
    @step.do()
    async def fetch() -> str:
        return "f"

    await fetch  # error
    await fetch("an argument")  # error
    number: int = await fetch()  # error
    step.do("s", depends=[5])  # error
    step.do("s", depends=fetch)  # error
    step.do("s", result=int)  # error
    step.do("s", concurrent="yes")  # error
    step.do("s", config={"timeouts": 5})  # error
    step.do("s")(5)  # error
    await step.do("s")  # error
