"""Workflows that agents start: what an agent has of them, and what they have of it."""
