"""Quotas of buckets: a write that cannot fit is refused before its body is read.

The command that stores the version decides for good, with the counts of its transaction.
"""

from __future__ import annotations

from z4tw.model.control import Bucket
from z4tw.model.objects import NULL_VERSION_ID, Version
from z4tw.model.registers import Register
from z4tw.model.uploads import Part
from z4tw.objects.quotas import exceeded
from z4tw.objects.versions import ENABLED
from z4tw.ops.context import Context, refusal


async def check_version_quota(
    context: Context, bucket: Bucket, register: Register, size: int
) -> None:
    """Refuse a new version of ``size`` bytes that does not fit. Raises ``QuotaExceeded``."""
    if bucket.quota is None:
        return
    replaced: Version | None = None
    if bucket.versioning != ENABLED:
        replaced = await context.store.find_version(register, NULL_VERSION_ID)
    freed, more = (0, 1)
    if replaced is not None:
        freed, more = replaced.size, int(replaced.delete_marker)
    await _check(context, bucket, size - freed, more)


async def check_part_quota(context: Context, bucket: Bucket, register: Register, size: int) -> None:
    """Refuse a new part of ``size`` bytes that does not fit. Raises ``QuotaExceeded``."""
    if bucket.quota is None:
        return
    replaced: Part | None = await context.store.read(register)
    await _check(context, bucket, size - (0 if replaced is None else replaced.size), 0)


async def _check(context: Context, bucket: Bucket, more_bytes: int, more_objects: int) -> None:
    usage = await context.store.usage(bucket.incarnation)
    refused = exceeded(bucket.quota, lambda: usage, more_bytes, more_objects)
    if refused is not None:
        raise refusal(refused)
