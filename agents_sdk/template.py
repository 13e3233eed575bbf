"""What a statement is made of: a text and its values, or a template string (Python 3.14), which has both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

__all__ = ["Name", "Template", "bound"]


class Name(str):
    """The name of a table or a column, quoted: it is text of a statement, also in a template string."""

    __slots__ = ()


class Interpolation(Protocol):
    """What stands in braces; see `string.templatelib`."""

    @property
    def value(self) -> object: ...
    @property
    def conversion(self) -> str | None: ...
    @property
    def format_spec(self) -> str: ...


@runtime_checkable
class Template(Protocol):
    """A template string; see `string.templatelib`."""

    @property
    def strings(self) -> tuple[str, ...]: ...
    @property
    def interpolations(self) -> tuple[Interpolation, ...]: ...


def bound(query: str | Template, params: Sequence[object]) -> tuple[str, Sequence[object]]:
    """The text with a `?` for each value, and the values: of a template, whatever stands in its braces.

    Raises `TypeError` for what is neither, and where a template would make a text of a value.
    """
    if isinstance(query, str):
        return query, params
    if not isinstance(query, Template):
        raise TypeError(f"a query is a str or a template string, not {type(query).__name__}")
    if params:
        raise TypeError("a template string has its values in it: give no params besides")
    text, values = query.strings[0], list[object]()
    for each, after in zip(query.interpolations, query.strings[1:], strict=True):
        if each.conversion or each.format_spec:
            raise TypeError("a value in a query has neither conversion nor format: it is no text there")
        if isinstance(each.value, Name):
            text += each.value + after
        else:
            values.append(each.value)
            text += "?" + after
    return text, values
