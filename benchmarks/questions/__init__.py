"""One file per question that is asked of this machine."""
