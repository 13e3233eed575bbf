"""Typed values: what comes back equals what was stored, or it is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import BaseModel, field_serializer
from typing_extensions import TypedDict

from workflows import CannotDecode, NotStorable
from workflows.typed import UNTYPED, annotated, codec_for, message, readable, too_large


class Order(BaseModel):
    id: str
    amount: int = 0


@dataclasses.dataclass
class Point:
    x: int
    y: int


class Row(TypedDict):
    order: Order


class Forgetful(BaseModel):
    secret: str = ""

    @field_serializer("secret")
    def hidden(self, value: str) -> str:
        return "***"


class Strange:
    pass


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Order, Order(id="a", amount=1)),
        (Point, Point(1, 2)),
        (Row, {"order": Order(id="a")}),
        (list[Order], [Order(id="a")]),
        (dict[str, Any], {"a": (1, b"x")}),
        (Order, {"plain": "stays plain"}),
    ],
)
def test_values_come_back_equal_and_new(kind: Any, value: Any) -> None:
    stored, seen = codec_for(kind).encode(value)
    assert (seen, codec_for(kind).decode(stored), type(seen)) == (value, value, type(value))
    assert seen is not value


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        (Forgetful, Forgetful(secret="x"), "comes back as"),
        (Order, Point(1, 2), "does not fit its type"),
        (Any, Order(id="a"), "annotate what the step's function returns"),
        (Strange, Strange(), "is a"),
    ],
)
def test_what_would_differ_is_refused(kind: Any, value: Any, why: str) -> None:
    with pytest.raises(NotStorable, match=why):
        codec_for(kind).encode(value)


def test_a_type_that_was_removed_or_changed_cannot_decode() -> None:
    stored, _ = codec_for(Point).encode(Point(1, 2))
    with pytest.raises(CannotDecode, match="today's code gives none"):
        UNTYPED.decode(stored)
    with pytest.raises(CannotDecode, match="id: Field required"):
        codec_for(Order).decode(stored)
    assert readable(stored) == {"x": 1, "y": 2}


def test_annotations_are_found_where_they_can_be() -> None:
    def plain() -> Order:
        raise NotImplementedError

    def lost() -> Nowhere:  # type: ignore[name-defined]  # noqa: F821  # only a type checker could know
        raise NotImplementedError

    assert annotated(plain, plain.__annotations__["return"]) is codec_for(Order)
    assert annotated(lost, lost.__annotations__["return"]) is UNTYPED
    assert annotated(plain, Awaitable[Order]) is codec_for(Order)
    assert codec_for(Callable[..., int]).encode(1)[1] == 1


def test_an_annotation_that_cannot_be_hashed_works() -> None:
    from typing import Annotated

    assert codec_for(Annotated[Order, ["a list"]]).encode(Order(id="a"))[1] == Order(id="a")


def test_messages_are_what_their_receiver_validates() -> None:
    assert message(Order(id="a")) == b'{"id":"a","amount":0}'
    assert message(Point(1, 2)) == b'{"x":1,"y":2}'
    with pytest.raises(NotStorable):
        message(Strange())


def test_a_size_limit_says_what_to_do() -> None:
    assert too_large(b"12", "x", 2) is None
    assert str(too_large(b"123", "the result", 2)) == (
        "the result is 3 bytes and the limit is 2: keep it in a file and pass its name"
    )
