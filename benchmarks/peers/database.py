"""A fresh database on the PostgreSQL of the benchmark. Runs in the peers' environment."""

from __future__ import annotations

import uuid

import psycopg

__all__ = ["count", "fresh"]


def fresh(server: str) -> str:
    """The address of a new, empty database."""
    name = f"bench_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return server.rpartition("/")[0] + "/" + name


def count(database: str, table: str) -> int:
    """How many rows a table has."""
    with psycopg.connect(database) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    number: int = row[0]
    return number
