"""Typed values ↔ JSON: exact both ways, or refused."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Generic, Literal

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError
from typing_extensions import TypeVar, is_typeddict

__all__ = ["Shape", "ShapeError", "has"]

T = TypeVar("T")


class ShapeError(ValueError):
    """A value does not fit, or JSON cannot hold it; the message is one clause that says where and why."""


class Shape(Generic[T]):
    """A type whose values are kept as JSON; what is read back equals what was written.

    The type is looked at when `checked` says so, or by the first value.
    """

    def __init__(self, type_: type[T] | Any, *, limit: int) -> None:  # any annotation is a type here
        self._type = type_
        self._limit = limit
        # A dict may carry keys that its TypedDict does not declare; they would be lost without a word.
        self._extra: Literal["forbid"] | None = "forbid" if is_typeddict(type_) else None

    @cached_property
    def _adapter(self) -> TypeAdapter[T]:
        return TypeAdapter(self._type)

    def checked(self) -> Shape[T]:
        """This shape; raises `PydanticUserError` or `NameError` when its type is none that can be kept."""
        _ = self._adapter
        return self

    def encode(self, value: object) -> bytes:
        """`value`, validated, as JSON; raises `ShapeError`."""
        try:
            fitting = self._adapter.validate_python(value, extra=self._extra)
            encoded = self._adapter.dump_json(fitting, warnings="error")
            again = self._adapter.validate_json(encoded)
        except (ValidationError, PydanticSerializationError, RecursionError) as error:
            raise ShapeError(_reason(error)) from error
        if len(encoded) > self._limit:
            raise ShapeError(
                f"it takes {len(encoded)} bytes and the limit is {self._limit}; use self.sql for more"
            )
        if again != fitting:
            raise ShapeError(
                f"JSON would give it back as {_shorten(again)}; write it that way or declare its type"
            )
        return encoded

    def decode(self, encoded: bytes) -> T:
        """A new value from what `encode` gave; raises `ShapeError` when the type has changed since."""
        try:
            return self._adapter.validate_json(encoded)
        except ValidationError as error:
            raise ShapeError(_reason(error)) from error


def has(value: object, key: str, wanted: object) -> bool:
    """Whether this is an object of JSON that has the wanted value there; true is not 1."""
    if not isinstance(value, dict) or key not in value:
        return False
    found = value[key]
    return bool(found == wanted) and isinstance(found, bool) == isinstance(wanted, bool)


def _reason(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return " ".join(str(error).split()) or type(error).__name__
    first, *more = error.errors(include_url=False, include_context=False, include_input=False)
    where = ".".join(str(part) for part in first["loc"])
    others = f" (and {len(more)} more)" if more else ""
    return f"{where}: {first['msg']}{others}" if where else f"{first['msg']}{others}"


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
