"""Programs to read and to run, one idea each."""
