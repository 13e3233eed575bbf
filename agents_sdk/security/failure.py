"""What a client learns of an error: an id, and its class; the log has the same id, and the rest."""

from __future__ import annotations

import logging
import uuid

from starlette.responses import PlainTextResponse, Response

__all__ = ["failure"]

_log = logging.getLogger(__name__)


def failure(what: str, error: Exception) -> Response:
    """The answer to a request of which `what` raised: the client is told neither message nor trace."""
    id, cls = uuid.uuid4().hex, type(error).__name__
    _log.error("error %s of %s is a %s", id, what, cls)
    headers = {"x-error-id": id, "x-error-class": cls}
    return PlainTextResponse("Internal Server Error", status_code=500, headers=headers)
