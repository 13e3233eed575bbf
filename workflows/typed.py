"""Typed values ↔ bytes: a pydantic `TypeAdapter` over the plain codec, checked on the first run.

A value that is plain is stored plainly whatever its annotation says; anything else is stored as
`{"$":"typed","v":…}` and needs the type again to be read.
"""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar

from pydantic import PydanticSchemaGenerationError, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from workflows import codec
from workflows.errors import CannotDecode, NotStorable

__all__ = [
    "UNTYPED",
    "TypedCodec",
    "annotated",
    "codec_for",
    "first_line",
    "larger",
    "message",
    "readable",
    "too_large",
]

T = TypeVar("T")

_PREFIX = b'{"$":"typed","v":'
_IMMUTABLE = frozenset({str, int, float, bool, type(None), bytes})


class TypedCodec(Generic[T]):
    """Values of one type ↔ bytes."""

    def __init__(self, adapter: TypeAdapter[T] | None) -> None:
        self._adapter = adapter

    def encode(self, value: T) -> tuple[bytes, T]:
        """`value` as bytes, and as every replay will see it: equal, of the same type, newly made.

        Raises `NotStorable` when that cannot be promised.
        """
        if type(value) in _IMMUTABLE:
            return codec.encode(value), value
        if self._adapter is None or type(value) in codec.PLAIN:
            try:
                stored = codec.encode(value)
            except NotStorable:
                if self._adapter is None:
                    raise
            else:
                return stored, codec.decode(stored)
        return self._encode_typed(self._adapter, value)

    def decode(self, stored: bytes) -> T:
        """What `encode` was given, newly made; `CannotDecode` when the type has changed too much."""
        if not stored.startswith(_PREFIX):
            return typing.cast(T, codec.decode(stored))
        if self._adapter is None:
            raise CannotDecode(
                "it was stored with a type, and today's code gives none: annotate it as before"
            )
        try:
            return self._adapter.validate_json(stored[len(_PREFIX) : -1])
        except ValidationError as error:
            raise CannotDecode(first_line(error)) from error

    def validate(self, value: object) -> T:
        """`value` as this type, as pydantic understands it; raises its `ValidationError`."""
        if self._adapter is None:
            return typing.cast(T, value)
        return self._adapter.validate_python(value)

    def _encode_typed(self, adapter: TypeAdapter[T], value: T) -> tuple[bytes, T]:
        try:
            stored = adapter.serializer.to_json(value, by_alias=True, round_trip=True, warnings="error")
            again = adapter.validator.validate_json(stored)
        except (PydanticSerializationError, ValidationError, ValueError, TypeError) as error:
            raise NotStorable(f"value {_short(value)} does not fit its type: {first_line(error)}") from error
        if type(again) is type(value) and again == value:  # `!=` would ask for the same in a longer way
            return _PREFIX + stored + b"}", again
        raise NotStorable(
            f"value {_short(value)} comes back as {_short(again)}; "
            "give its type fields that JSON can tell apart, and an __eq__"
        )


UNTYPED: TypedCodec[Any] = TypedCodec(None)
"""For values without a type: only plain ones."""


def _built(kind: Any) -> TypedCodec[Any]:
    if kind in (Any, object, None, type(None), inspect.Parameter.empty) or isinstance(kind, TypeVar):
        return UNTYPED
    try:
        return TypedCodec(TypeAdapter(kind))
    except (PydanticSchemaGenerationError, PydanticUserError):
        return UNTYPED  # a type that pydantic does not know can still return plain values


_cached = functools.lru_cache(maxsize=4096)(_built)


def codec_for(kind: Any) -> TypedCodec[Any]:
    """The codec of a type; kept, because building one is slow."""
    try:
        return _cached(kind)
    except TypeError:  # an unhashable annotation
        return _built(kind)


def annotated(function: Callable[..., object], kind: Any) -> TypedCodec[Any]:
    """The codec of `kind`, which is what a plain function's return annotation says, perhaps as text."""
    if isinstance(kind, str):
        try:
            kind = typing.get_type_hints(function, include_extras=True).get("return")
        except (NameError, TypeError, AttributeError, SyntaxError):
            return UNTYPED  # a name that only the type checker can resolve, or no type at all
    if typing.get_origin(kind) in (Awaitable, Coroutine):
        kind = typing.get_args(kind)[-1]
    return codec_for(kind)


def message(value: object) -> bytes:
    """A value that is sent to someone who knows its type: params, event payloads."""
    try:
        return codec.encode(value)
    except NotStorable:
        kind = type(value)
        if not (hasattr(kind, "__pydantic_serializer__") or hasattr(kind, "__dataclass_fields__")):
            raise
        return codec.encode(codec_for(kind)._adapter.dump_python(value, mode="json", by_alias=True))  # type: ignore[union-attr]  # noqa: SLF001


def readable(stored: bytes) -> Any:
    """A stored value for people: a typed one as the JSON that it is kept as."""
    return codec.decode(stored[len(_PREFIX) : -1] if stored.startswith(_PREFIX) else stored)


def too_large(stored: bytes, what: str, limit: int) -> NotStorable | None:
    """The refusal of a value above the size limit."""
    if len(stored) <= limit:
        return None
    return larger(what, limit, f"is {len(stored):,} bytes and")


def larger(what: str, limit: int, size: str = "is above its size limit;") -> NotStorable:
    """The refusal of a value of which no more is known than that it is above the size limit."""
    return NotStorable(f"{what} {size} the limit is {limit:,}: keep it in a file and pass its name")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"


def first_line(error: Exception) -> str:
    """What is wrong, in one line; of a `ValidationError` the first place that is."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        return f"{where}: {first['msg']}" if where else first["msg"]
    return str(error).splitlines()[0] if str(error) else type(error).__name__
