"""Keyrings, and the store's file of wrapped key-encryption keys (L2)."""
