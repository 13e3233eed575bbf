"""Fibers of an agent: work of its own code that is known to have been interrupted."""

from agents_sdk.fibers.fiber import Fiber, FiberContext, FiberStatus, Resolution
from agents_sdk.fibers.fibers import Fibers
from agents_sdk.fibers.run import Function

__all__ = ["Fiber", "FiberContext", "FiberStatus", "Fibers", "Function", "Resolution"]
