"""A fresh database on the PostgreSQL of the benchmark. Runs in the peers' environment."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg

__all__ = ["count", "fresh", "versions"]


def fresh(server: str) -> str:
    """The address of a new, empty database."""
    name = f"bench_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return server.rpartition("/")[0] + "/" + name


def count(database: str, table: str) -> int:
    """How many rows a table has."""
    return int(_one(database, f"SELECT count(*) FROM {table}"))


def versions(database: str) -> dict[str, str]:
    """Of the server."""
    return {"PostgreSQL": str(_one(database, "SHOW server_version"))}


def _one(database: str, query: str) -> Any:
    with psycopg.connect(database) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]
