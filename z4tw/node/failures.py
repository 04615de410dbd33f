"""The errors that keep a node from starting or a command from acting."""

from __future__ import annotations


class StoreError(Exception):
    """The store, a socket or a plugin cannot be used; one line: why, and what would help."""


class StoreInUse(StoreError):
    """Another process holds the data directory's lock."""


class CommandError(Exception):
    """An administrative command that was refused; one line for the person who gave it."""
