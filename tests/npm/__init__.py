"""The official npm clients, unmodified, against this server."""
