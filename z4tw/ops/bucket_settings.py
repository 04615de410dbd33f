"""Changing the record of the request's bucket: its fields, and its configuration documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from z4tw.errors import NoSuchBucket
from z4tw.model.control import Bucket, BucketState
from z4tw.model.notices import Notice
from z4tw.ops.context import Context
from z4tw.ops.control import bucket_register, later_stamp, update


async def change_bucket(context: Context, **fields: Any) -> None:
    """Give fields of the request's bucket new values, whatever else changes it at the same time.
    Raises ``NoSuchBucket`` when it is gone or another bucket of its name, ``OperationAborted``."""
    await alter_bucket(context, lambda present: fields)


async def change_configuration(
    context: Context, name: str, document: bytes | None, notice: Notice | None = None
) -> None:
    """Store a configuration document of the request's bucket under its subresource's name (as
    ``cors``), or remove it. The document is what the operation validated and wrote out again, or
    what the client sent. ``notice`` is announced with the change. Raises as ``change_bucket``."""

    def change(present: Bucket) -> dict[str, Any]:
        documents = {k: v for k, v in present.configurations.items() if k != name}
        if document is not None:
            documents[name] = document
        return {"configurations": documents}

    await alter_bucket(context, change, notice)


async def alter_bucket(
    context: Context, fields_of: Callable[[Bucket], dict[str, Any]], notice: Notice | None = None
) -> None:
    """Give fields of the request's bucket the values that ``fields_of`` finds for the record as it
    is now; it may raise an ``S3Error`` instead. Raises as ``change_bucket``."""
    bucket = context.require_bucket()

    def change(present: Bucket | None) -> Bucket:
        if (
            present is None
            or present.incarnation != bucket.incarnation
            or present.state != BucketState.ACTIVE
        ):
            raise NoSuchBucket(BucketName=bucket.name)
        fields = fields_of(present)
        if all(getattr(present, name) == value for name, value in fields.items()):
            return present
        stamp = later_stamp(context.stamp, present)
        return msgspec.structs.replace(present, stamp=stamp, **fields)

    await update(context.store, bucket_register(bucket.name), change, notice)
