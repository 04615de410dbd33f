"""Lifecycle rules (L1): their document, and what they say is due of a key's versions. Pure."""
