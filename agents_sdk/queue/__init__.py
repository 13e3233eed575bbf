"""The queue of an agent: durable calls of its methods, one after the other."""

from agents_sdk.queue.item import QueueItem
from agents_sdk.queue.queue import Queue

__all__ = ["Queue", "QueueItem"]
