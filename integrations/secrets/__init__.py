"""Credentials in texts: found, and masked before anything else reads the text."""
