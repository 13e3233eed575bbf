"""What steps stream: parts that they tell while they run, and results too large for an entry."""
