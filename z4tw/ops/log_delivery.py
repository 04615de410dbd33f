"""Writing buckets' access logs as objects, as the log-delivery service and not as any user."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from z4tw.errors import S3Error
from z4tw.interfaces.plugins import PolicyRequest
from z4tw.interfaces.storage import IBlobStore, IMetadataStore
from z4tw.model.control import Bucket, Principal
from z4tw.model.objects import BlobInfo, Body, BodyKind, Checksum, Version
from z4tw.model.registers import Kind, Register
from z4tw.model.stamps import stamp_ms
from z4tw.objects.commands import PutVersion
from z4tw.objects.versions import ENABLED
from z4tw.ops.authorize import Access
from z4tw.ops.context import Settings, done
from z4tw.ops.directory import Directory
from z4tw.ops.encryption import by_default
from z4tw.ops.events import background_notice
from z4tw.ops.objects import version_footer
from z4tw.payload import checksum_of
from z4tw.s3.bucket_logging import EVENT_TIME, stored_logging
from z4tw.s3.notification import Event

CONFIGURATION = "logging"
"""The name of the document in ``Bucket.configurations``."""
SERVICE = "logging.s3.amazonaws.com"
LOG_DELIVERY = Principal("", "", "s3-log-service", "", SERVICE, "", service=SERVICE)
_DAY_MS = 86_400_000


def may_deliver(access: Access, source: Bucket, account: str, target: Bucket, key: str) -> bool:
    """Whether the log of ``source``, owned by the account of a number, may be written to ``key`` of
    ``target``: a bucket of the same owner, or one whose policy permits the service."""
    request = PolicyRequest(
        principal=LOG_DELIVERY,
        action="s3:PutObject",
        bucket_name=target.name,
        bucket=target,
        key=key,
        context={
            "aws:SourceArn": f"arn:aws:s3:::{source.name}",
            "aws:SourceAccount": account,
            "aws:PrincipalIsAWSService": "true",
            "aws:PrincipalServiceName": SERVICE,
            "aws:SecureTransport": "true",
        },
    )
    return access.serves(request, allowed=source.owner == target.owner)


class LogDelivery:
    """Stores batches of log lines as objects of the buckets that sources name as their targets.

    Deliveries are no requests: none of them is logged. ``stamp`` makes the stamps of versions,
    ``random_bytes`` the unique part of keys.
    """

    def __init__(
        self,
        *,
        store: IMetadataStore,
        blobs: IBlobStore,
        access: Access,
        settings: Settings,
        stamp: Callable[[], bytes],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._store: Any = store
        self._blobs: Any = blobs
        self._access = access
        self._settings = settings
        self._stamp = stamp
        self._random_bytes = random_bytes
        self._directory = Directory(store)

    async def deliver(self, name: str, lines: list[tuple[int, bytes]]) -> int:
        """Store the lines of a bucket, each with its time in Unix milliseconds; how many objects
        were made. None are when the bucket has no logging any more, or is gone.

        Raises ``S3Error`` and ``OSError``: then the lines not stored yet are lost.
        """
        source = await self._directory.bucket(name)
        if source is None or CONFIGURATION not in source.configurations:
            return 0
        logging = stored_logging(source.configurations[CONFIGURATION])
        target = await self._directory.bucket(logging.bucket)
        if target is None:
            raise S3Error(f"the target bucket {logging.bucket} is not there")
        account = await self._directory.owner_number(source.owner)
        batches: dict[int, list[bytes]] = {}
        by_day = logging.date_source == EVENT_TIME
        for ms, line in lines:
            batches.setdefault(ms - ms % _DAY_MS if by_day else 0, []).append(line)
        for day_ms, batch in batches.items():
            stamp = self._stamp()
            unique = self._random_bytes(8).hex().upper()
            time_ms = day_ms if by_day else stamp_ms(stamp)
            key = logging.key(name, account, self._settings.region, time_ms, unique)
            if not may_deliver(self._access, source, account, target, key):
                raise S3Error(f"the target bucket {target.name} does not permit it")
            await self._put(target, key, stamp, b"".join(batch))
        return len(batches)

    async def _put(self, bucket: Bucket, key: str, stamp: bytes, data: bytes) -> None:
        """A new object of a bucket, owned by its owner."""
        name = key.encode("utf-8")
        inline: bytes | None = None
        blob: BlobInfo | None = None
        writer = None
        encryption, seal, _ = by_default(self._blobs.keys, bucket, self._settings.region)
        if len(data) <= self._settings.inline_limit_bytes:
            self._blobs.admit(len(data))
            body = Body(BodyKind.INLINE, self._blobs.new_id(), len(data))
            inline = self._blobs.seal_inline(body.id, data, seal)
        else:
            writer = self._blobs.writer(bucket.name, name, len(data), seal)
            body = Body(BodyKind.FILE, writer.id, len(data))
        version = Version(
            stamp=stamp,
            is_null=bucket.versioning != ENABLED,
            size=len(data),
            etag=hashlib.md5(data, usedforsecurity=False).hexdigest(),
            body=body,
            owner=bucket.owner,
            headers={"content-type": "text/plain"},
            checksum=Checksum("CRC64NVME", "FULL_OBJECT", checksum_of("CRC64NVME", data)),
            encryption=encryption,
        )
        if writer is not None:
            try:
                await writer.write(data)
                blob = await writer.commit(version_footer(bucket, key, version))
            except BaseException:
                writer.abort()
                raise
        notice = background_notice(
            bucket, Event.CREATED_PUT, key, self._settings.region, actor=SERVICE
        )
        command = PutVersion(version, bucket.versioning, None, inline, blob, notice=notice)
        register = Register(Kind.OBJECT, bucket.incarnation, name)
        done(await self._store.change(register, command))
