"""Errors that are hard to keep: none of them may be lost, or hang who waits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.contract.world import ONCE, Event, Step, World
from workflows import Failure, StepError

pytestmark = pytest.mark.anyio


class Silent(Exception):
    def __str__(self) -> str:
        raise AttributeError("message")


class Exit(BaseException):
    """As `pytest.fail()` raises: no Exception."""


HARD = [
    (ValueError("\udcff.txt"), Failure("ValueError", "\\udcff.txt")),
    (Silent(), Failure("Silent", "<its __str__ raised AttributeError>")),
    (StepError("A\udcff", "b\udcff", "c\udcff"), Failure("A\\udcff", "b\\udcff")),
]


@pytest.mark.parametrize(("error", "seen"), [*HARD, (Exit("enough"), Failure("Exit", "enough"))])
async def test_an_error_of_run_that_is_hard_to_keep_ends_the_instance(
    tmp_path: Path, error: BaseException, seen: Failure
) -> None:
    async def run(event: Event, step: Step) -> None:
        raise error

    assert (await World(str(tmp_path / "a.db")).run(run)).error == seen


@pytest.mark.parametrize(("error", "seen"), HARD)
async def test_an_error_of_a_step_that_is_hard_to_keep_fails_the_step(
    tmp_path: Path, error: Exception, seen: Failure
) -> None:
    async def fail() -> None:
        raise error

    async def run(event: Event, step: Step) -> None:
        await step.do("s", fail, retries=ONCE)

    assert (await World(str(tmp_path / "a.db")).run(run, errors=[Silent])).error == seen


class Needy(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__("needs two")


@pytest.mark.parametrize("listed", [(), (Needy,)])
async def test_a_class_that_cannot_be_rebuilt_comes_as_a_step_error(listed: Any) -> None:
    async def fail() -> None:
        raise Needy(1, 2)

    async def run(event: Event, step: Step) -> str:
        with pytest.raises(StepError, match="Needy: needs two"):
            await step.do("s", fail, retries=ONCE)
        return "went on"

    assert (await World(":memory:").run(run, errors=listed)).output == "went on"


@pytest.mark.parametrize("listed", [(), (Silent,)])
async def test_a_message_of_100_mb_is_cut_and_the_error_is_alike_on_a_replay(
    tmp_path: Path, listed: tuple[type[Exception], ...]
) -> None:
    """An error cannot be refused as a value is; what rebuilds it is as large as its message."""
    seen: list[tuple[str, str]] = []

    async def fail() -> None:
        raise ValueError("x" * 100_000_000)

    async def run(event: Event, step: Step) -> None:
        try:
            await step.do("s", fail, retries=ONCE)
        except StepError as error:
            seen.append((error.type_name, error.message))
        await step.sleep("z", 10)

    status = await World(str(tmp_path / "a.db")).run_twice(run, errors=listed)
    assert status.status == "complete"
    assert len(seen) == 2
    assert seen[0] == seen[1]
    assert seen[0][0] == "ValueError"
    assert seen[0][1].endswith("xxx… (100,000,000 characters)")
    assert len(seen[0][1]) == 1 << 16
