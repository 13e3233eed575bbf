"""Other engines under the same work, each in a process of the environment that has them installed."""
