"""What the promises about speed rest on; `make bench` runs all of it on this machine."""
