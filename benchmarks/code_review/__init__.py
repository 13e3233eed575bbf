"""How much an offline review finds, and says for nothing, measured on the history of public projects."""
