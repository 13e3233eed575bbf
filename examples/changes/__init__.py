"""Changes to review."""
