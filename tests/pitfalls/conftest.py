"""The worlds of the contract suite, for the pitfalls too."""

from __future__ import annotations

from tests.contract.conftest import anyio_backend, durable, world

__all__ = ["anyio_backend", "durable", "world"]
