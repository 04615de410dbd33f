"""What every operation gets: the request, who asks, the bucket, and the stores.

An operation family is a module with a table

    OPERATIONS: dict[str, Operation] = {"GetObject": get_object, ...}

of coroutine functions ``async def get_object(context: Context) -> S3Response``. They are called
after the request was authenticated, its bucket found, its main action authorized (the one that
``z4tw.ops.authorize.action_of`` names), and headers that ask for absent features refused.
``z4tw.ops.service`` merges the tables.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec

from z4tw.errors import (
    BY_CODE,
    AccessDenied,
    NoSuchBucket,
    NoSuchKey,
    NoSuchVersion,
    S3Error,
    SlowDown,
)
from z4tw.interfaces.http import Exchange, RequestHead, S3Response
from z4tw.interfaces.plugins import Effect
from z4tw.model.control import Bucket, Principal
from z4tw.model.objects import Version
from z4tw.model.registers import Done, Kind, Outcome, Refused, Register

if TYPE_CHECKING:
    from z4tw.ops.authorize import Access
    from z4tw.ops.directory import Directory
    from z4tw.s3.call import S3Call
    from z4tw.sigv4 import Verified

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


class Settings(msgspec.Struct, frozen=True):
    """What the operations need of the configuration.

    ``domains`` are the hosts below which buckets are virtual hosts; ``object_ownership`` is the
    setting of new buckets; ``host_id`` is the node's x-amz-id-2; ``event_sinks`` are the names of
    the sinks that events can go to. ``lifecycle_day_ms`` is the length of a lifecycle rule's day;
    ``plugin_storage_classes`` are those to which such rules may transition beside S3's. Limits are
    S3's and are lower only in tests.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
    """

    region: str = "us-east-1"
    domains: tuple[str, ...] = ()
    object_ownership: str = "ObjectWriter"
    inline_limit_bytes: int = 4 * KIB
    max_put_bytes: int = 5 * GIB
    max_object_bytes: int = 5 * 1024 * GIB
    min_part_bytes: int = 5 * MIB
    max_part_bytes: int = 5 * GIB
    max_parts: int = 10_000
    max_document_bytes: int = 2 * MIB
    host_id: str = ""
    event_sinks: tuple[str, ...] = ()
    lifecycle_day_ms: int = 86_400_000
    plugin_storage_classes: tuple[str, ...] = ()


class Context(msgspec.Struct):
    """One request being served.

    ``bucket`` is the record of the bucket that the request names (None for ListBuckets and
    CreateBucket); ``verified`` is None for an anonymous request. ``store`` provides
    ``IMetadataStore``, ``blobs`` ``IBlobStore``, ``offload`` ``IOffload``. ``stamp()`` makes the
    next stamp, ``random_bytes(n)`` secure random bytes. ``judged`` says that the permission hung
    on the version acted upon, which was ``judged_version``. ``undecided``: the permission hangs
    on what the request's document says; ``further_keys`` are the condition keys found there.
    """

    exchange: Exchange
    head: RequestHead
    call: S3Call
    principal: Principal
    verified: Verified | None
    bucket: Bucket | None
    store: Any
    blobs: Any
    offload: Any
    settings: Settings
    stamp: Callable[[], bytes]
    random_bytes: Callable[[int], bytes]
    access: Access
    directory: Directory
    judged: bool = False
    judged_version: Version | None = None
    undecided: bool = False
    further_keys: dict[str, str | tuple[str, ...]] = {}

    def require_bucket(self) -> Bucket:
        """The request's bucket, for operations that always have one."""
        if self.bucket is None:
            raise RuntimeError(f"{self.call.operation} was called without its bucket")
        return self.bucket

    def object_register(self, key: str | None = None) -> Register:
        """The register of an object of the request's bucket (default: the request's key)."""
        name = self.call.key if key is None else key
        return Register(Kind.OBJECT, self.require_bucket().incarnation, name.encode("utf-8"))

    def allowed(
        self,
        action: str,
        bucket: Bucket | None = None,
        key: str = "",
        version: Version | None = None,
    ) -> bool:
        """Whether the principal may do ``action`` (as ``s3:PutObjectTagging``) on a key of a
        bucket (default: the request's bucket); ``version`` is the one acted upon, if known."""
        target = bucket if bucket is not None else self.bucket
        return self.access.allowed(self, action, target, key, version)

    def authorize(
        self,
        action: str,
        bucket: Bucket | None = None,
        key: str = "",
        version: Version | None = None,
    ) -> None:
        """Demand that the principal may do one more action than the operation's main one.
        Raises ``AccessDenied``."""
        target = bucket if bucket is not None else self.bucket
        decision = self.access.decide(self, action, target, key, version)
        if decision.effect is not Effect.ALLOW:
            self.exchange.denied = f"{action}: {decision.reason}"
            raise AccessDenied()

    def no_such_key(
        self, key: str | None = None, bucket: Bucket | None = None, version_id: str = ""
    ) -> S3Error:
        """The error for an absent key or version (to be raised by the caller): who may not list
        the bucket is not told what it lacks and gets ``AccessDenied``.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html ("Permissions")
        """
        name = self.call.key if key is None else key
        action = "s3:ListBucketVersions" if version_id else "s3:ListBucket"
        if key is not None:
            self.further_keys = {**self.further_keys, "s3:prefix": key}
        if not self.allowed(action, bucket):
            self.exchange.denied = f"{action}: needed to be told what is not there"
            return AccessDenied()
        if version_id:
            return NoSuchVersion(Key=name, VersionId=version_id)
        return NoSuchKey(Key=name)

    async def find_bucket(self, name: str) -> Bucket:
        """Another bucket by name, as of a copy source. Raises ``NoSuchBucket``, or for an
        anonymous principal ``AccessDenied``."""
        found = await self.directory.bucket(name)
        if found is None:
            raise AccessDenied() if self.principal.anonymous else NoSuchBucket(BucketName=name)
        return found

    async def owner_name(self, account_id: str) -> str:
        """The DisplayName of a canonical account id (empty when there is no such account)."""
        return await self.directory.owner_name(account_id)


Operation = Callable[[Context], Awaitable[S3Response]]


def done(outcome: Outcome) -> Done:
    """The outcome of a command that took effect. Raises the S3 error of a ``Refused`` one; a
    ``NeedData`` must be handled before (``SlowDown`` asks the client to send the request again)."""
    if type(outcome) is Done:
        return outcome
    if isinstance(outcome, Refused):
        raise refusal(outcome)
    raise SlowDown()


def refusal(refused: Refused) -> S3Error:
    """The S3 error that a refused command answers."""
    return BY_CODE[refused.code](refused.message or None, **refused.details)
