"""`agents dev`: serve an app on this machine, and again whenever its source changes."""
