"""Which instances are wanted, as a query."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from workflows.backend import Listing
from workflows.sqlite.operation import Value
from workflows.sqlite.tables import INSTANCE

__all__ = ["known", "selection"]

_LEAN = INSTANCE.replace("params, output", "x'' AS params, NULL AS output").replace(
    "crc, became", "NULL, NULL"
)
_KNOWN = f"""
SELECT {_LEAN} FROM instance WHERE (workflow, name) IN (
  SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))
"""  # noqa: S608  # constants only


def selection(listing: Listing) -> tuple[str, tuple[Value, ...]]:
    """The query and its parameters; the order is that of creation."""
    beyond = "id < ?" if listing.newest_first else "id > ?"
    statuses = sorted(listing.statuses or ())
    conditions: list[tuple[str, tuple[Value, ...]]] = [
        ("workflow = ?", (listing.workflow,)),
        ("created >= ?", () if listing.since is None else (listing.since,)),
        ("created < ?", () if listing.until is None else (listing.until,)),
        (beyond, () if listing.after is None else (listing.after,)),
        (f"status IN ({', '.join('?' * len(statuses))})", tuple(statuses)),
    ]
    chosen = [(condition, values) for condition, values in conditions if values]
    where = " AND ".join(condition for condition, _ in chosen)
    order = "DESC" if listing.newest_first else "ASC"
    sql = f"SELECT {INSTANCE} FROM instance WHERE {where} ORDER BY id {order} LIMIT ?"  # noqa: S608  our own words
    return sql, (*(value for _, values in chosen for value in values), listing.most)


def known(wanted: Sequence[tuple[str, str]]) -> tuple[str, tuple[Value, ...]]:
    """The query for instances by workflow and id, without what may be large, and its parameter."""
    return _KNOWN, (orjson.dumps(wanted).decode(),)
