"""Who may talk to an app, and how much."""

from agents_sdk.security.access import Hook, Principal, principal_of

__all__ = ["Hook", "Principal", "principal_of"]
