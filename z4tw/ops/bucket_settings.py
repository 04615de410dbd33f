"""Changing a field of the record of the request's bucket."""

from __future__ import annotations

from typing import Any

import msgspec

from z4tw.errors import NoSuchBucket
from z4tw.model.control import Bucket, BucketState
from z4tw.ops.context import Context
from z4tw.ops.control import bucket_register, later_stamp, update


async def change_bucket(context: Context, **fields: Any) -> None:
    """Give fields of the request's bucket new values, whatever else changes it at the same time.
    Raises ``NoSuchBucket`` when it is gone or another bucket of its name, ``OperationAborted``."""
    bucket = context.require_bucket()

    def change(present: Bucket | None) -> Bucket:
        if (
            present is None
            or present.incarnation != bucket.incarnation
            or present.state != BucketState.ACTIVE
        ):
            raise NoSuchBucket(BucketName=bucket.name)
        if all(getattr(present, name) == value for name, value in fields.items()):
            return present
        stamp = later_stamp(context.stamp, present)
        return msgspec.structs.replace(present, stamp=stamp, **fields)

    await update(context.store, bucket_register(bucket.name), change)
