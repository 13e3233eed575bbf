"""What makes steps useful for AI work: models, tokens, compaction, code review, and the command line."""
