"""With a real small model on this machine, which `make e2e-llm` installs: it shows wires, never quality."""
