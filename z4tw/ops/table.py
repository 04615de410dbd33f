"""The table of all operations, merged from the operation families."""

from __future__ import annotations

from z4tw.ops import (
    acls,
    attributes,
    bucket_encryption,
    bucket_logging,
    bucket_policy,
    buckets,
    copying,
    cors,
    deleting,
    forms,
    lifecycle,
    listings,
    multipart,
    notifications,
    object_annotations,
    object_encryption,
    objects,
    ownership,
    public_access,
    reading,
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
    **bucket_encryption.OPERATIONS,
    **buckets.OPERATIONS,
    **copying.OPERATIONS,
    **cors.OPERATIONS,
    **deleting.OPERATIONS,
    **forms.OPERATIONS,
    **lifecycle.OPERATIONS,
    **listings.OPERATIONS,
    **multipart.OPERATIONS,
    **notifications.OPERATIONS,
    **object_annotations.OPERATIONS,
    **object_encryption.OPERATIONS,
    **objects.OPERATIONS,
    **ownership.OPERATIONS,
    **public_access.OPERATIONS,
    **reading.OPERATIONS,
    **tagging.OPERATIONS,
    **versioning.OPERATIONS,
    **website.OPERATIONS,
}
"""Coroutine functions by operation name; what is not here answers ``NotImplemented``."""
