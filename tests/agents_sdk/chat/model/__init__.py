"""Random schedules of what clients do to a chat, against a small model of the official client."""
