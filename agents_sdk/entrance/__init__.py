"""The way in: what comes by HTTP or a socket, up to the agent that it is for."""
