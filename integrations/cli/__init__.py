"""The `agents` command."""
