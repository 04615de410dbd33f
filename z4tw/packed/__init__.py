"""Compressed bodies (L1): a Zstandard stream that can be read at any place. Pure."""
