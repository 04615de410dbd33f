"""Administration of buckets and of what users may do in them."""

from __future__ import annotations

from typing import Any

import msgspec

from z4tw.errors import S3Error
from z4tw.model.control import AccessKey, Account, Bucket, BucketState, Grant, Quota
from z4tw.model.registers import Kind
from z4tw.ops.accounts import (
    ROOT_ACCOUNT,
    AdminError,
    RandomBytes,
    ensure_root_account,
    find_key,
    read_account,
    read_user,
)
from z4tw.ops.admin_keys import grant_names
from z4tw.ops.bucket_life import create_bucket, new_bucket, remove_bucket
from z4tw.ops.context import Settings
from z4tw.ops.control import Stamp, bucket_register, later_stamp, scan_all, update
from z4tw.s3.dates import iso_date
from z4tw.s3.names import check_bucket_name


class BucketAdmin:
    """Creates, lists and deletes buckets, and grants keys access to them.

    Answers are plain dicts for ``--json``; what cannot be done raises ``AdminError``.
    """

    def __init__(
        self, *, store: Any, settings: Settings, stamp: Stamp, random_bytes: RandomBytes
    ) -> None:
        self._store = store
        self._settings = settings
        self._stamp = stamp
        self._random_bytes = random_bytes

    async def bucket_create(self, name: str, key: str | None = None) -> dict[str, Any]:
        """Create a bucket that the account of ``key`` owns (None: the root account). Raises
        ``AdminError`` for a name that is not allowed or taken."""
        try:
            check_bucket_name(name)
        except S3Error as error:
            raise AdminError(f"bucket name {name!r}: {error.message}") from None
        owner = await self._owner(key)
        record = new_bucket(name, owner.id, self._settings, self._stamp(), self._random_bytes)
        placed = await create_bucket(self._store, record, self._stamp)
        if placed is not record:
            what = "an alias" if placed.state == BucketState.ALIAS else "a bucket"
            raise AdminError(f"there is {what} named {name} already")
        return await self._describe(record)

    async def bucket_list(self) -> list[dict[str, Any]]:
        """All buckets by name."""
        buckets: list[Bucket] = await scan_all(self._store, Kind.BUCKET)
        return [
            await self._describe(bucket) for bucket in buckets if bucket.state == BucketState.ACTIVE
        ]

    async def bucket_info(self, name: str) -> dict[str, Any]:
        """One bucket, with its settings and grants."""
        return await self._details(await self._active(name))

    async def bucket_delete(self, name: str) -> dict[str, Any]:
        """Delete an empty bucket, by the same steps as S3's DeleteBucket. Raises ``AdminError``
        when it is not empty."""
        bucket: Bucket | None = await self._store.read(bucket_register(name))
        if bucket is None or bucket.state == BucketState.ALIAS:
            raise AdminError(f"there is no bucket named {name}")
        if not await remove_bucket(self._store, bucket, self._stamp):
            raise AdminError(f"bucket {name} is not empty")
        return {"name": name, "deleted": True}

    async def bucket_quota(
        self,
        bucket: str,
        max_bytes: int | None = None,
        max_objects: int | None = None,
        remove: bool = False,
    ) -> dict[str, Any]:
        """The quota of a bucket and what it holds, after changing the limits that are given (0:
        none) or removing all of them. Raises ``AdminError``."""
        for limit in (max_bytes, max_objects):
            if limit is not None and not 0 <= limit < 1 << 62:
                raise AdminError("a quota is a number of bytes or objects, 0 for no limit")

        def change(present: Bucket | None) -> Bucket:
            if present is None or present.state != BucketState.ACTIVE:
                raise AdminError(f"there is no bucket named {bucket}")
            had = Quota() if remove or present.quota is None else present.quota
            quota = Quota(
                had.max_bytes if max_bytes is None else max_bytes,
                had.max_objects if max_objects is None else max_objects,
            )
            wanted = None if quota == Quota() else quota
            if wanted == present.quota:
                return present
            return msgspec.structs.replace(
                present, quota=wanted, stamp=later_stamp(self._stamp, present)
            )

        changed: Bucket = await update(self._store, bucket_register(bucket), change)
        return {"name": changed.name} | await self._room(changed)

    async def _room(self, bucket: Bucket) -> dict[str, Any]:
        usage = await self._store.usage(bucket.incarnation)
        quota = bucket.quota or Quota()
        return {
            "quota": {"bytes": quota.max_bytes, "objects": quota.max_objects},
            "usage": {"bytes": usage.bytes, "objects": usage.objects},
        }

    async def bucket_allow(
        self, bucket: str, key: str, read: bool = False, write: bool = False, owner: bool = False
    ) -> dict[str, Any]:
        """Grant a key's user rights on a bucket beside those it has. Raises ``AdminError`` when
        no right is named."""
        flags = _flags(read, write, owner)
        if not flags:
            raise AdminError("name what to allow: read, write or owner")
        return await self._grant(bucket, key, flags, Grant.NONE)

    async def bucket_deny(
        self, bucket: str, key: str, read: bool = False, write: bool = False, owner: bool = False
    ) -> dict[str, Any]:
        """Revoke rights that were granted; without any named, all of them."""
        flags = _flags(read, write, owner) or (Grant.READ | Grant.WRITE | Grant.OWNER)
        return await self._grant(bucket, key, Grant.NONE, flags)

    async def _grant(
        self, bucket_name: str, key_name: str, give: Grant, take: Grant
    ) -> dict[str, Any]:
        key = await find_key(self._store, key_name)

        def change(present: Bucket | None) -> Bucket:
            if present is None or present.state != BucketState.ACTIVE:
                raise AdminError(f"there is no bucket named {bucket_name}")
            grants = dict(present.grants)
            flags = (grants.pop(key.user, 0) | int(give)) & ~int(take)
            if flags:
                grants[key.user] = flags
            if grants == present.grants:
                return present
            return msgspec.structs.replace(
                present, grants=grants, stamp=later_stamp(self._stamp, present)
            )

        changed: Bucket = await update(self._store, bucket_register(bucket_name), change)
        return await self._details(changed)

    async def _owner(self, key_name: str | None) -> Account:
        if key_name is None or key_name == ROOT_ACCOUNT:
            return await ensure_root_account(self._store, self._stamp, self._random_bytes)
        key = await find_key(self._store, key_name)
        user = await read_user(self._store, key.user)
        account = None if user is None else await read_account(self._store, user.account)
        if account is None:
            raise AdminError(f"the key named {key_name} has no account; delete and create it again")
        return account

    async def _active(self, name: str) -> Bucket:
        bucket: Bucket | None = await self._store.read(bucket_register(name))
        if bucket is None or bucket.state != BucketState.ACTIVE:
            raise AdminError(f"there is no bucket named {name}")
        return bucket

    async def _describe(self, bucket: Bucket) -> dict[str, Any]:
        root = await read_user(self._store, bucket.owner)
        return {
            "name": bucket.name,
            "owner": "" if root is None else root.account,
            "owner_id": bucket.owner,
            "region": bucket.region,
            "created": iso_date(bucket.created_ms),
            "versioning": bucket.versioning,
        }

    async def _details(self, bucket: Bucket) -> dict[str, Any]:
        keys: list[AccessKey] = await scan_all(self._store, Kind.ACCESS_KEY)
        names = {key.user: key.name for key in keys}
        grants = {
            names.get(user, user): grant_names(flags) for user, flags in bucket.grants.items()
        }
        return (
            await self._describe(bucket)
            | {
                "object_ownership": bucket.object_ownership,
                "tags": dict(bucket.tags),
                "grants": grants,
                "aliases": list(bucket.aliases),
            }
            | await self._room(bucket)
        )


def _flags(read: bool, write: bool, owner: bool) -> Grant:
    return (
        (Grant.READ if read else Grant.NONE)
        | (Grant.WRITE if write else Grant.NONE)
        | (Grant.OWNER if owner else Grant.NONE)
    )
