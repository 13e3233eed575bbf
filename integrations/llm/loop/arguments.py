"""The parameters of a function as a JSON schema, and what a model wrote as arguments that fit it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, PydanticUserError, ValidationError, create_model

from workflows import StepContext

__all__ = ["Arguments", "InvalidArguments", "Parameters", "parameters_of"]

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_MOST_FAULTS = 5


class InvalidArguments(ValueError):
    """What the model wrote does not fit; the message is for the model."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """Of one call; they fit."""

    fitting: BaseModel

    @property
    def by_name(self) -> dict[str, Any]:
        """As the function takes them."""
        return {name: getattr(self.fitting, name) for name in type(self.fitting).model_fields}

    @property
    def shown(self) -> str:
        """As JSON, with those that the model has left to their defaults."""
        return self.fitting.model_dump_json()


@dataclass(frozen=True, slots=True)
class Parameters:
    """Of one function."""

    model: type[BaseModel]
    context: str | None
    """The parameter that receives the context of the step."""

    @property
    def schema(self) -> dict[str, Any]:
        """As a model is told."""
        return self.model.model_json_schema()

    def read(self, arguments: str) -> Arguments:
        """What `arguments` are as JSON; raises `InvalidArguments`."""
        try:
            return Arguments(self.model.model_validate_json(arguments.strip() or "{}"))
        except ValidationError as error:
            raise InvalidArguments(_faults(error)) from None


def parameters_of(function: Callable[..., object], tool: str) -> Parameters:
    """The parameters of `function`; `ValueError` when a model could not give them."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        raise ValueError(f'the tool "{tool}" has an annotation that cannot be found: {error}') from error
    fields: dict[str, Any] = {}
    context = None
    for name, parameter in inspect.signature(function).parameters.items():
        if name == "ctx" or hints.get(name) is StepContext:
            context = name
            continue
        if parameter.kind not in _NAMED or name not in hints or name.startswith("_"):
            raise ValueError(
                f'the tool "{tool}" cannot be called by a model: its parameter {name!r} needs a type '
                "annotation, a name without _ in front, and no * or /"
            )
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[name] = (hints[name], default)
    try:
        model = create_model(tool, __config__=ConfigDict(extra="forbid", allow_inf_nan=False), **fields)
        model.model_json_schema()
    except PydanticUserError as error:
        raise ValueError(
            f'the tool "{tool}" cannot be called by a model: its parameters have no JSON schema: {error}'
        ) from error
    return Parameters(model, context)


def _faults(error: ValidationError) -> str:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    told = [
        f"{'.'.join(map(str, fault['loc'])) or 'arguments'}: {fault['msg']}"
        for fault in faults[:_MOST_FAULTS]
    ]
    more = len(faults) - len(told)
    return "; ".join([*told, f"and {more} more"] if more else told)
