"""What is kept in dicts, for as long as the process lives."""
