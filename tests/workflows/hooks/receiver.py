"""A receiver of webhooks on loopback, which verifies what it gets by its own reading of the scheme."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Answer", "Got", "Receiver", "receiving"]

Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class Got:
    """One request."""

    path: str
    headers: dict[str, str]
    """Under lower-case names."""
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def message(self) -> Any:
        return json.loads(self.body)

    def is_signed_with(self, secret: str) -> bool:
        """By the text of the scheme: base64 of HMAC-SHA256 over `id.timestamp.body`, by the decoded key."""
        key = base64.b64decode(secret.split("_", 1)[1])
        signed = b".".join([self.id.encode(), self.headers["webhook-timestamp"].encode(), self.body])
        wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return self.headers["webhook-signature"].split() == [f"v1,{wanted}"]


@dataclass
class Receiver:
    """What came, and what is answered: the listed answers, then 204."""

    url: str
    got: list[Got] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    """Until it is set, an answer of 0 is not given."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver while it listens."""

    class Requests(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["content-length"])
            body = self.rfile.read(size)
            if len(body) < size:
                return  # whoever sent it was killed meanwhile
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.got.append(Got(self.path, headers, body))
            status, more, said = receiver.answers.pop(0) if receiver.answers else (204, {}, b"")
            if status == 0:
                receiver.released.wait(30)
                return
            self.send_response(status)
            for name, value in {**more, "content-length": str(len(said))}.items():
                self.send_header(name, value)
            with contextlib.suppress(ConnectionError):
                self.end_headers()
                self.wfile.write(said)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  their signature
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Requests) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield receiver
        finally:
            receiver.released.set()
            server.shutdown()
            thread.join()
