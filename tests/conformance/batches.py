"""Instances created and deleted by the recorded binding, done on ours; and what counts of the results."""

from __future__ import annotations

from typing import Any

from tests.conformance.markers import given
from tests.conformance.scenario import Json

__all__ = ["comparable", "create", "create_batch", "delete_batch"]

_RETENTION = {"successRetention": "success_retention", "errorRetention": "error_retention"}


async def create(binding: Any, options: dict[str, Json]) -> Json:
    """`create(options)`; what only the platform knows, such as a location, is left out."""
    return {"id": (await binding.create(**_item(options))).id}


async def create_batch(binding: Any, asked: Json) -> Json:
    """`createBatch` with a list, with `{instances}` or with `{count}`, which counts where both are given."""
    match asked:
        case list(items):
            batch = await binding.create_batch([_item(item) for item in items])
            return {"array": [instance.id for instance in batch.created]}
        case {"count": count}:
            if type(count) is not int:
                raise ValueError(f"count {count!r} is no whole number: there is no such form in Python")
            batch = await binding.create_batch([_item(asked)] * count)
        case {"instances": list(items)}:
            batch = await binding.create_batch([_item(item) for item in items])
        case _:
            raise ValueError(f"{asked!r} says of no instance: there is no such form in Python")
    errors = [
        {"index": error.index, "id": error.id, "code": error.code, "message": error.message}
        for error in batch.errors
    ]
    return {"created": [{"id": instance.id} for instance in batch.created], "errors": errors}


async def delete_batch(binding: Any, ids: list[Json]) -> Json:
    """`deleteBatch(ids)`."""
    batch = await binding.delete_batch(ids)
    errors = [{"id": error.id, "code": error.code, "message": error.message} for error in batch.errors]
    return {"deleted": [{"id": id} for id in batch.deleted], "errors": errors}


def comparable(result: Json) -> Json:
    """What counts of the result of a batch: who is there, who is gone, and the codes of the others.

    Whether a repeated id is told of once or at each of its places is our own, and so are the messages.
    """
    match result:
        case {"created": list(created), "errors": list(errors)}:
            told = [{key: error.get(key) for key in ("index", "code")} for error in errors]
            return {"created": [_id(one) for one in created], "errors": told}
        case {"deleted": list(deleted), "errors": list(errors)}:
            unknown = [[_id(error), error.get("code")] for error in errors]
            return {"deleted": _once([_id(one) for one in deleted]), "errors": _once(unknown)}
        case list(created):
            return {"array": [_id(one) for one in created]}
    return result


def _item(options: dict[str, Json]) -> dict[str, Any]:
    item: dict[str, Any] = {}
    if options.get("id") is not None:
        item["id"] = options["id"]
    if "params" in options:
        item["params"] = given(options["params"])
    if options.get("retention") is not None:
        item["retention"] = {_RETENTION.get(key, key): length for key, length in options["retention"].items()}
    return item


def _id(one: Json) -> Json:
    return one.get("id") if isinstance(one, dict) else one


def _once(items: list[Json]) -> list[Json]:
    return [item for place, item in enumerate(items) if item not in items[:place]]
