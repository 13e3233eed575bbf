"""Credentials: found, reported without being repeated, masked before anything else reads the text."""
