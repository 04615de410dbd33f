"""The table of all operations, merged from the operation families."""

from __future__ import annotations

from z4tw.ops import (
    acls,
    attributes,
    buckets,
    copying,
    deleting,
    listings,
    multipart,
    objects,
    reading,
    tagging,
    versioning,
)
from z4tw.ops.context import Operation

OPERATIONS: dict[str, Operation] = {
    **acls.OPERATIONS,
    **attributes.OPERATIONS,
    **buckets.OPERATIONS,
    **copying.OPERATIONS,
    **deleting.OPERATIONS,
    **listings.OPERATIONS,
    **multipart.OPERATIONS,
    **objects.OPERATIONS,
    **reading.OPERATIONS,
    **tagging.OPERATIONS,
    **versioning.OPERATIONS,
}
"""Coroutine functions by operation name; what is not here answers ``NotImplemented``."""
