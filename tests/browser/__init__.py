"""The example of a chat, in a real browser."""
