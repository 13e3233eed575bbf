"""`agents backup`: a copy of what is kept, while it is in use."""
