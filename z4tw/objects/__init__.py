"""Registers' pure commands: ``apply(kind, value, command, view) -> Change`` (L1).

S3's semantics of versions, conditions and multipart completion exist here once: the embedded
store, a cluster's consensus and an SQL server run the same functions.
"""

from z4tw.objects.apply import View, apply
from z4tw.objects.commands import Command

__all__ = ["Command", "View", "apply"]
