"""Aliases: further names under which a bucket answers.

An alias is a record in the register that a bucket of its name would have, so that whoever comes
first has the name, whatever runs at the same time. It means one incarnation of its bucket: when
that is gone, which is for ever, the alias means nothing and its name is free.
"""

from __future__ import annotations

from typing import Any

import msgspec

from z4tw.errors import OperationAborted
from z4tw.model.control import Bucket, BucketState
from z4tw.ops.control import ATTEMPTS, Stamp, bucket_register, later_stamp, replace, update


class AliasRefused(Exception):
    """An alias that cannot be; the text is one line."""


async def target_of(store: Any, alias: Bucket) -> Bucket | None:
    """The bucket that an alias's record means, in any state; None when it is gone."""
    target: Bucket | None = await store.read(bucket_register(alias.alias_of))
    if target is None or target.incarnation != alias.incarnation:
        return None
    return target


async def add_alias(store: Any, name: str, bucket_name: str, stamp: Stamp) -> Bucket:
    """Make ``name`` stand for a bucket; repeating it changes nothing. Returns the bucket. Raises
    ``AliasRefused``, and ``OperationAborted`` when others keep changing the records."""
    for _ in range(ATTEMPTS):
        target = await _active(store, bucket_name)
        present: Bucket | None = await store.read(bucket_register(name))
        if present is not None:
            await _check_free(store, present, target)
        record = Bucket(
            stamp=later_stamp(stamp, present),
            name=name,
            incarnation=target.incarnation,
            owner="",
            created_ms=target.created_ms,
            region=target.region,
            state=BucketState.ALIAS,
            alias_of=target.name,
        )
        if not await replace(store, bucket_register(name), present, record):
            continue
        noted = await _note(store, target, stamp, add=name)
        if noted is None:  # the bucket was deleted meanwhile, and its aliases with it
            await replace(store, bucket_register(name), record, None)
            raise AliasRefused(f"there is no bucket named {bucket_name}")
        return noted
    raise OperationAborted()


async def _active(store: Any, name: str) -> Bucket:
    found: Bucket | None = await store.read(bucket_register(name))
    if found is not None and found.state == BucketState.ALIAS:
        raise AliasRefused(f"{name} is itself an alias, of {found.alias_of}")
    if found is None or found.state != BucketState.ACTIVE:
        raise AliasRefused(f"there is no bucket named {name}")
    return found


async def _check_free(store: Any, present: Bucket, target: Bucket) -> None:
    if present.state != BucketState.ALIAS:
        raise AliasRefused(f"there is a bucket named {present.name}")
    meant = await target_of(store, present)
    if meant is not None and meant.incarnation != target.incarnation:
        raise AliasRefused(f"{present.name} is an alias of {present.alias_of}")


async def remove_alias(store: Any, name: str, stamp: Stamp) -> str:
    """Take an alias away; the name of its bucket. Raises ``AliasRefused``, ``OperationAborted``."""
    for _ in range(ATTEMPTS):
        present: Bucket | None = await store.read(bucket_register(name))
        if present is None or present.state != BucketState.ALIAS:
            raise AliasRefused(f"there is no alias named {name}")
        if await replace(store, bucket_register(name), present, None):
            target = await target_of(store, present)
            if target is not None:
                await _note(store, target, stamp, remove=name)
            return present.alias_of
    raise OperationAborted()


async def _note(
    store: Any, target: Bucket, stamp: Stamp, add: str = "", remove: str = ""
) -> Bucket | None:
    """Keep the bucket's own list of its aliases; None when the bucket is gone."""
    gone = False

    def change(present: Bucket | None) -> Bucket | None:
        nonlocal gone
        gone = (
            present is None
            or present.incarnation != target.incarnation
            or (present.state != BucketState.ACTIVE and bool(add))
        )
        if gone or present is None:
            return present
        aliases = {*present.aliases, add} - {remove, ""}
        if aliases == set(present.aliases):
            return present
        return msgspec.structs.replace(
            present, aliases=tuple(sorted(aliases)), stamp=later_stamp(stamp, present)
        )

    changed: Bucket | None = await update(store, bucket_register(target.name), change)
    return None if gone else changed


async def drop_aliases(store: Any, bucket: Bucket) -> None:
    """Remove the aliases of a bucket that is gone; one that was given another meaning stays."""
    for name in bucket.aliases:
        present: Bucket | None = await store.read(bucket_register(name))
        if (
            present is not None
            and present.state == BucketState.ALIAS
            and present.incarnation == bucket.incarnation
        ):
            await replace(store, bucket_register(name), present, None)
