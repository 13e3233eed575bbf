"""Which instances a listing wants."""

from __future__ import annotations

from workflows.backend import Instance, Listing

__all__ = ["fits"]


def fits(instance: Instance, listing: Listing) -> bool:
    """All conditions of `listing` hold."""
    incarnation = instance.ref.incarnation
    seen = listing.after is not None and (
        incarnation >= listing.after if listing.newest_first else incarnation <= listing.after
    )
    return (
        instance.ref.workflow == listing.workflow
        and not seen
        and (listing.statuses is None or instance.status in listing.statuses)
        and (listing.since is None or instance.created_at >= listing.since)
        and (listing.until is None or instance.created_at < listing.until)
    )
