"""Unified diffs as git writes them: bytes in, files and hunks out."""
