"""A bucket's life: created, ``active -> deleting -> gone``, or back to active when not empty.

In a deletion the record is marked first, so that new requests see no bucket; then the store
refuses changes of the incarnation, so that a write already on its way cannot slip into an emptied
bucket; only then is it asked for what is left. Any step may be the last one before a crash: a
bucket found in ``deleting`` is taken up where it was by the next DeleteBucket or CreateBucket of
its name, and by ``resume_deletions`` when a node starts. Diagram: ``doc/spec/buckets.rst``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from z4tw.errors import OperationAborted
from z4tw.model.access import Acl
from z4tw.model.control import Bucket, BucketState
from z4tw.model.registers import Kind
from z4tw.model.stamps import stamp_ms
from z4tw.ops.aliases import drop_aliases, target_of
from z4tw.ops.context import Settings
from z4tw.ops.control import (
    ATTEMPTS,
    Stamp,
    bucket_register,
    later_stamp,
    replace,
    scan_all,
)


def new_bucket(
    name: str,
    owner: str,
    settings: Settings,
    stamp: bytes,
    random_bytes: Callable[[int], bytes],
    object_ownership: str = "",
    tags: dict[str, str] | None = None,
    acl: Acl | None = None,
) -> Bucket:
    """The record of a bucket to be created, with a random incarnation."""
    incarnation = (int.from_bytes(random_bytes(8), "big") >> 1) or 1
    return Bucket(
        stamp=stamp,
        name=name,
        incarnation=incarnation,
        owner=owner,
        created_ms=stamp_ms(stamp),
        region=settings.region,
        object_ownership=object_ownership or settings.object_ownership,
        tags=tags or {},
        acl=acl,
    )


async def create_bucket(store: Any, record: Bucket, stamp: Stamp) -> Bucket:
    """Put a new bucket's record in place, unless there is a bucket or an alias of its name: returns
    the record that is in place then, ``record`` itself or the older one. Ends a deletion that was
    begun first. Raises ``OperationAborted`` when others keep changing the record."""
    register = bucket_register(record.name)
    for _ in range(ATTEMPTS):
        present: Bucket | None = await store.read(register)
        if present is None:
            if await replace(store, register, None, record):
                return record
        elif present.state == BucketState.ACTIVE:
            return present
        elif present.state == BucketState.ALIAS:
            if await target_of(store, present) is not None:
                return present
            if await replace(store, register, present, record):
                return record
        else:
            await remove_bucket(store, present, stamp)
    raise OperationAborted()


async def remove_bucket(store: Any, bucket: Bucket, stamp: Stamp) -> bool:
    """Delete a bucket (in any state), as its record was read just now. True: it is gone (whoever
    did it); False: it holds versions or delete markers, and lives on. Raises ``OperationAborted``
    when others keep changing the record."""
    for _ in range(ATTEMPTS):
        if bucket.state == BucketState.ACTIVE:
            ended = await _begin(store, bucket, stamp)
        else:
            ended = await _finish(store, bucket, stamp)
        if ended is not None:
            return ended
        present: Bucket | None = await store.read(bucket_register(bucket.name))
        if present is None or present.incarnation != bucket.incarnation:
            return True
        bucket = present
    raise OperationAborted()


async def _begin(store: Any, bucket: Bucket, stamp: Stamp) -> bool | None:
    # Asked before anything is closed, so that the usual refusal disturbs nobody.
    if await store.has_versions(bucket.incarnation):
        return False
    marked = _with_state(bucket, BucketState.DELETING, stamp)
    if not await replace(store, bucket_register(bucket.name), bucket, marked):
        return None
    return await _finish(store, marked, stamp)


async def _finish(store: Any, bucket: Bucket, stamp: Stamp) -> bool | None:
    """From ``deleting`` to the end; None: somebody else changed the record."""
    register = bucket_register(bucket.name)
    await store.close_incarnation(bucket.incarnation)
    empty = not await store.has_versions(bucket.incarnation)
    # What was found holds only while nobody else went on from the same record: one who was
    # overtaken would purge a bucket that lives again, or open one that is being purged.
    claimed = _with_state(bucket, BucketState.DELETING, stamp)
    if not await replace(store, register, bucket, claimed):
        return None
    if empty:
        await store.purge_incarnation(bucket.incarnation)
        if not await replace(store, register, claimed, None):
            return None
        await drop_aliases(store, claimed)
        return True
    await store.reopen_incarnation(bucket.incarnation)
    active = _with_state(claimed, BucketState.ACTIVE, stamp)
    return False if await replace(store, register, claimed, active) else None


async def resume_deletions(store: Any, stamp: Stamp) -> int:
    """Finish the deletions that a stop interrupted; called when a node starts. Returns how many
    buckets were found in ``deleting``. Aliases of buckets that are gone go too."""
    found = 0
    for bucket in await scan_all(store, Kind.BUCKET):
        if bucket.state == BucketState.DELETING:
            found += 1
            await remove_bucket(store, bucket, stamp)
        elif bucket.state == BucketState.ALIAS and await target_of(store, bucket) is None:
            await replace(store, bucket_register(bucket.name), bucket, None)
    return found


def _with_state(bucket: Bucket, state: BucketState, stamp: Stamp) -> Bucket:
    return msgspec.structs.replace(bucket, state=state, stamp=later_stamp(stamp, bucket))
