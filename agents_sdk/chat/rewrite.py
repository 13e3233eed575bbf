"""What a chunk of the agent becomes before anybody gets it: clients must know the message that it is of."""

from __future__ import annotations

from agents_sdk.chat.shapes import Chunk

__all__ = ["rewritten"]


def rewritten(chunk: Chunk, *, message_id: str, continuation: bool) -> Chunk:
    """`chunk`, or a changed copy.

    A `start` names the message, unless it says another one; in a continuation it names none, as clients would
    begin a new message. Why a model finished goes to the message's metadata, where clients find it.
    """
    match chunk.get("type"):
        case "start" if continuation:
            return {key: value for key, value in chunk.items() if key != "messageId"}
        case "start" if not chunk.get("messageId"):
            return chunk | {"messageId": message_id}
        case "finish" if "finishReason" in chunk:
            rest = {key: value for key, value in chunk.items() if key != "finishReason"}
            said = chunk.get("messageMetadata")
            reason = {"finishReason": chunk["finishReason"]}
            return rest | {"messageMetadata": reason | said if isinstance(said, dict) else reason}
    return chunk
