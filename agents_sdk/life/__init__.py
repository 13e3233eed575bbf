"""How agents live: made when first needed, one at a time, let go when idle, ended for good."""
