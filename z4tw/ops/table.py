"""The table of all operations, merged from the operation families."""

from __future__ import annotations

from z4tw.ops import (
    acls,
    attributes,
    bucket_logging,
    bucket_policy,
    buckets,
    copying,
    cors,
    deleting,
    forms,
    lifecycle,
    listings,
    locking,
    multipart,
    notifications,
    object_annotations,
    objects,
    ownership,
    public_access,
    reading,
    renaming,
    tagging,
    versioning,
    website,
)
from z4tw.ops.context import Operation

OPERATIONS: dict[str, Operation] = {
    **acls.OPERATIONS,
    **attributes.OPERATIONS,
    **bucket_policy.OPERATIONS,
    **bucket_logging.OPERATIONS,
    **buckets.OPERATIONS,
    **copying.OPERATIONS,
    **cors.OPERATIONS,
    **deleting.OPERATIONS,
    **forms.OPERATIONS,
    **lifecycle.OPERATIONS,
    **listings.OPERATIONS,
    **locking.OPERATIONS,
    **multipart.OPERATIONS,
    **notifications.OPERATIONS,
    **object_annotations.OPERATIONS,
    **objects.OPERATIONS,
    **ownership.OPERATIONS,
    **public_access.OPERATIONS,
    **reading.OPERATIONS,
    **renaming.OPERATIONS,
    **tagging.OPERATIONS,
    **versioning.OPERATIONS,
    **website.OPERATIONS,
}
"""Coroutine functions by operation name; what is not here answers ``NotImplemented``."""
