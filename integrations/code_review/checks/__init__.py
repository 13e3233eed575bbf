"""What can be said about added lines without knowing what they replaced: one small function per question."""
