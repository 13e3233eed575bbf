"""What is called at a time: rows of one table, one timing engine, and how times are written."""
