"""Checking, repairing, rebuilding, backing up and restoring a store (above L2, below L5).

Works on a data directory through the stores' own formats; what needs the running node (its lock,
its reaper) is handed in by the command line or the node.
"""

from __future__ import annotations

from z4tw.errors import Z4Error


class RecoveryError(Z4Error):
    """A backup, restore or rebuild that cannot be made; one line for the person who asked."""
