"""`agents review`: a durable review of a change, from one command."""
