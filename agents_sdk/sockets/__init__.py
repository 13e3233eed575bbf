"""How messages get to the sockets of clients: what waits for whom, and how much is written at once."""
