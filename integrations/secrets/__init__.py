"""Credentials in texts: found, and masked before anything else reads the text."""

from integrations.secrets.finder import MASK, Secret, find_secrets, masked

__all__ = ("MASK", "Secret", "find_secrets", "masked")
