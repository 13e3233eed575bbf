"""How much an offline review finds, and how much it says for nothing, measured on the history of public projects."""
