"""The part of a review that asks a language model."""
