"""Plain values: exact, or refused."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows import NotStorable
from workflows.codec import decode, encode

_zones = st.sampled_from([None, UTC, ZoneInfo("Europe/Paris"), timezone(timedelta(hours=5.5), "IST")])
_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.text(st.characters(codec=None, categories=["Cs", "L"])),
    st.binary(),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.uuids(),
    st.decimals(allow_nan=False),
    st.datetimes(timezones=_zones),
)
_values = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=5) | st.just("$"), inner, max_size=4)
        | st.sets(_scalars, max_size=3)
        | st.frozensets(_scalars, max_size=3)
    ),
    max_leaves=10,
)


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types all the way down."""
    if type(one) is not type(other):
        return False
    match one:
        case list() | tuple():
            return len(one) == len(other) and all(map(same, one, other))
        case dict():
            return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
        case datetime() | time():
            return bool(one == other) and repr(one.tzinfo) == repr(other.tzinfo) and one.fold == other.fold
    return bool(one == other)


@given(_values)
def test_what_is_decoded_equals_what_was_encoded(value: Any) -> None:
    assert same(decode(encode(value)), value)


@given(_values)
def test_encoding_is_stable(value: Any) -> None:
    assert encode(decode(encode(value))) == encode(value)


def test_nan_and_zeros_keep_their_kind() -> None:
    back = decode(encode([math.nan, math.inf, -math.inf, -0.0, Decimal("NaN")]))
    assert math.isnan(back[0])
    assert back[1:3] == [math.inf, -math.inf]
    assert (math.copysign(1, back[3]), back[4].is_nan()) == (-1.0, True)


def test_a_zone_keeps_its_name() -> None:
    moment = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Paris"), fold=1)
    back = decode(encode(moment))
    assert (back.tzinfo.key, back.fold) == ("Europe/Paris", 1)


class Text(str):
    __slots__ = ()


_loop: list[Any] = []
_loop.append(_loop)


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (object(), "value is a object"),
        ({"a": [1, lambda: 0]}, r"value\['a'\]\[1\] is a function"),
        ({1: 2}, "key 1 of type int"),
        (Text("x"), "Text"),
        (bytearray(b"x"), "bytearray"),
        (_loop, "contains itself"),
        (1j, "complex"),
    ],
)
def test_anything_else_is_refused_with_its_place(value: Any, where: str) -> None:
    with pytest.raises(NotStorable, match=where):
        encode(value)


@pytest.mark.parametrize("value", [0, "", [], {}, None, b"", False, 0.0, (), set(), frozenset(), timedelta()])
def test_falsy_values_round_trip(value: Any) -> None:
    assert same(decode(encode(value)), value)


def test_stored_values_are_readable_json() -> None:
    assert encode({"a": 1, "when": date(2026, 1, 2), "id": UUID(int=1)}).startswith(
        b'{"a":1,"when":{"$":"date"'
    )
