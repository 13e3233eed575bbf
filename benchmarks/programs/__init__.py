"""What is measured, each in a process of its own: Perdure, and the ceiling."""
