"""Trains face embeddings with Faster Face Classification: a Dynamic Class Pool instead of one weight per identity."""

__version__ = "0.1.0"
