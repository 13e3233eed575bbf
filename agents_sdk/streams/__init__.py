"""Streams of an agent: what it tells piece by piece, kept, for readers that come and go."""

from agents_sdk.streams.stream import StreamChunk, StreamState, StreamStatus
from agents_sdk.streams.streams import Streams

__all__ = ["StreamChunk", "StreamState", "StreamStatus", "Streams"]
