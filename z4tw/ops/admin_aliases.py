"""Administration of bucket aliases."""

from __future__ import annotations

from typing import Any

from z4tw.errors import S3Error
from z4tw.model.control import Bucket, BucketState
from z4tw.model.registers import Kind
from z4tw.ops.accounts import AdminError
from z4tw.ops.aliases import AliasRefused, add_alias, remove_alias, target_of
from z4tw.ops.control import Stamp, scan_all
from z4tw.s3.names import check_bucket_name


class AliasAdmin:
    """Adds, removes and lists aliases. Answers are plain dicts for ``--json``; what cannot be done
    raises ``AdminError``."""

    def __init__(self, *, store: Any, stamp: Stamp) -> None:
        self._store = store
        self._stamp = stamp

    async def bucket_alias_add(self, bucket: str, alias: str) -> dict[str, Any]:
        """Make ``alias`` another name of a bucket. The rules of bucket names hold for it."""
        try:
            check_bucket_name(alias)
        except S3Error as error:
            raise AdminError(f"alias {alias!r}: {error.message}") from None
        if alias == bucket:
            raise AdminError(f"{alias} is the bucket's own name")
        try:
            found = await add_alias(self._store, alias, bucket, self._stamp)
        except AliasRefused as refused:
            raise AdminError(str(refused)) from None
        return {"alias": alias, "bucket": found.name}

    async def bucket_alias_remove(self, alias: str) -> dict[str, Any]:
        """Take an alias away; the bucket stays as it is."""
        try:
            bucket = await remove_alias(self._store, alias, self._stamp)
        except AliasRefused as refused:
            raise AdminError(str(refused)) from None
        return {"alias": alias, "bucket": bucket, "removed": True}

    async def bucket_alias_list(self, bucket: str | None = None) -> list[dict[str, Any]]:
        """All aliases by name, or those of one bucket."""
        records: list[Bucket] = await scan_all(self._store, Kind.BUCKET)
        return [
            {"alias": record.name, "bucket": record.alias_of}
            for record in records
            if record.state == BucketState.ALIAS
            and bucket in (None, record.alias_of)
            and await target_of(self._store, record) is not None
        ]
