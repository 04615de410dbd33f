"""The error of recovery's commands."""

from __future__ import annotations

from z4tw.errors import Z4Error


class RecoveryError(Z4Error):
    """A backup or restore that cannot be made; one line for the person who asked for it."""
