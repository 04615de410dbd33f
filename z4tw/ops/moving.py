"""Transitions: a version gets another storage class, and what a plugin makes of its bytes.

The classes of S3 are labels here: all bytes lie on the same disks. The new form of a body is
durable before the version names it, and the version is changed only while it is what was read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from z4tw.model.control import Bucket
from z4tw.model.objects import Version
from z4tw.model.registers import Done, Kind, Register
from z4tw.objects.commands import ReplaceBody


class Mover:
    """Carries out transitions. ``stamp`` makes the stamps of commands."""

    def __init__(self, store: Any, stamp: Callable[[], bytes]) -> None:
        self._store = store
        self._stamp = stamp

    async def move(self, bucket: Bucket, key: str, version: Version, storage_class: str) -> bool:
        """Give a version the class; False when it was changed or removed meanwhile."""
        register = Register(Kind.OBJECT, bucket.incarnation, key.encode("utf-8"))
        command = ReplaceBody(
            self._stamp(), version.version_id, version.stamp, version.body.id, storage_class
        )
        outcome = await self._store.change(register, command)
        return type(outcome) is Done
