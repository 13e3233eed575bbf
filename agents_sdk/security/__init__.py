"""Who may talk to an app, and how much."""

from agents_sdk.security.access import Hook, Principal, principal_of
from agents_sdk.security.limits import Limits

__all__ = ["Hook", "Limits", "Principal", "principal_of"]
