"""Bugs of other engines, each with a test that holds it off here; the numbers are those of one list of 45."""
