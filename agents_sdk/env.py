"""`self.env` of an app that was given none: the workflow bindings by name, as on Cloudflare."""

from __future__ import annotations

from typing import Any

from workflows import Binding, Engine, UnknownWorkflow

__all__ = ["Bindings"]


class Bindings:
    """`env.MY_WORKFLOW` is the binding of that name."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Binding[Any]:
        try:
            return self._engine.workflow(name)
        except UnknownWorkflow as error:
            raise AttributeError(str(error)) from None
