"""Corners of plain values that random ones seldom reach."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from typing import Any

import pytest

from tests.contract.world import Event, Step, World
from workflows import NotStorable
from workflows.codec import decode, encode


class Elsewhere(tzinfo):
    def utcoffset(self, _: datetime | None) -> timedelta:
        return timedelta(hours=1)

    def dst(self, _: datetime | None) -> None:
        return None

    def tzname(self, _: datetime | None) -> str:
        return "elsewhere"


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = (value,)
    return value


@pytest.mark.parametrize(
    "value",
    [
        "\ud800",
        ["\ud800", {"a": ("\udfff", 1)}],
        {"\ud800": "x", "$": 1},
        {"a": {"\udcff": ["\udcff"]}},
        {"\ud800", "plain"},
        frozenset({("\ud800",), (1 << 70,)}),
        nested(100),
    ],
)
def test_text_that_is_no_unicode_and_depth_come_back(value: Any) -> None:
    back = decode(encode(value))
    assert (back, type(back)) == (value, type(value))
    assert encode(back) == encode(value)


@pytest.mark.parametrize(
    "zone", [UTC, timezone(timedelta(hours=-3, seconds=1)), timezone(timedelta(0), "GMT")]
)
def test_time_zones_keep_offset_and_name(zone: timezone) -> None:
    for value in (datetime(2026, 1, 2, tzinfo=zone), time(1, 2, tzinfo=zone)):
        back = decode(encode(value))
        assert (back, back.utcoffset(), back.tzname()) == (value, value.utcoffset(), value.tzname())


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ([datetime(2026, 1, 2, tzinfo=Elsewhere())], r"value\[0\] has the time zone .*use zoneinfo"),
        (nested(190), "nested too deeply"),
        (nested(202), "nested deeper than 200"),
    ],
)
def test_what_cannot_be_kept_is_refused(value: Any, why: str) -> None:
    with pytest.raises(NotStorable, match=why):
        encode(value)


@pytest.mark.anyio
async def test_a_value_that_is_nested_too_deeply_ends_the_instance() -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("s", lambda: nested(190))

    error = (await World(":memory:").run(run)).error
    assert error is not None
    assert 'the step "s" returned a value which is not serialisable' in error.message
