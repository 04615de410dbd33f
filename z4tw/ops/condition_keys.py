"""The condition keys of a request: what policies may ask about it.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

import datetime
import math
from collections.abc import ItemsView, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from z4tw.errors import S3Error
from z4tw.model.control import Bucket, Principal
from z4tw.policy.keys import KEYS as NAMES
from z4tw.s3.copying import parse_copy_source
from z4tw.s3.encryption import KMS_KEY, canonical_key
from z4tw.s3.tagging import parse_tagging_header
from z4tw.sigv4.dates import iso_date, parse_amz_date

if TYPE_CHECKING:
    from z4tw.interfaces.http import RequestHead
    from z4tw.ops.context import Context

Keys = dict[str, str | tuple[str, ...]]

_LISTINGS = frozenset({"s3:ListBucket", "s3:ListBucketVersions"})
_QUERY_KEYS = (
    ("prefix", "s3:prefix"),
    ("delimiter", "s3:delimiter"),
    ("max-keys", "s3:max-keys"),
)
_HEADERS = {
    name.removeprefix("s3:"): name
    for name in NAMES
    if name.startswith(("s3:x-amz-", "s3:if-")) and name != "s3:x-amz-content-sha256"
}
"""The condition keys that are headers, by header."""

_DESCRIBING = frozenset({"CopyObject", "CreateMultipartUpload", "PutObject"})
"""Operations whose headers give a new object its tags and its lock: elsewhere such a header means
nothing, and must not pass for what a policy asks of a document."""

_CREATING = {
    "CompleteMultipartUpload": "true",
    "CopyObject": "true",
    "CreateMultipartUpload": "false",
    "PutObject": "true",
    "UploadPart": "false",
    "UploadPartCopy": "false",
}
"""Whether an operation that needs s3:PutObject makes an object by itself."""

_DAY_S = 86_400


class ConditionKeys(Mapping[str, str | tuple[str, ...]]):
    """The keys of one request for one action, gathered when somebody first looks."""

    __slots__ = ("_action", "_bucket", "_context", "_keys")

    def __init__(self, context: Context, action: str, bucket: Bucket | None) -> None:
        self._context = context
        self._action = action
        self._bucket = bucket
        self._keys: Keys | None = None

    def __getitem__(self, name: str) -> str | tuple[str, ...]:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def items(self) -> ItemsView[str, str | tuple[str, ...]]:
        """All keys with their values."""
        return self._all().items()

    def _all(self) -> Keys:
        if self._keys is None:
            self._keys = _gather(self._context, self._action, self._bucket)
        return self._keys


def _gather(context: Context, action: str, bucket: Bucket | None) -> Keys:
    call = context.call
    keys = _of_request(context.head)
    keys["aws:RequestedRegion"] = context.settings.region
    keys |= principal_keys(context.principal)
    if context.verified is not None:
        keys["s3:signatureversion"] = "AWS4-HMAC-SHA256"
        presigned = context.verified.presigned
        keys["s3:authType"] = "REST-QUERY-STRING" if presigned else "REST-HEADER"
        if context.exchange.form is not None:
            keys["s3:authType"] = "POST"
        keys["s3:x-amz-content-sha256"] = context.verified.payload_hash
        signed_s = parse_amz_date(context.verified.amz_date)
        if signed_s is not None:
            keys["s3:signatureAge"] = str(max(0, int((context.head.now - signed_s) * 1000)))
    if bucket is not None:
        number = context.directory.known_number(bucket.owner)
        if number:
            keys["s3:ResourceAccount"] = keys["aws:ResourceAccount"] = number
    if call.query.get("versionId"):
        keys["s3:VersionId"] = call.query["versionId"]
    if action in _LISTINGS and call.key:
        keys["s3:prefix"] = call.key  # whether the requester may be told that the key is absent
    elif action in _LISTINGS:
        for parameter, name in _QUERY_KEYS:
            if parameter in call.query:
                keys[name] = call.query[parameter]
    keys |= _of_headers(call.headers)
    if KMS_KEY in call.headers:
        keys[f"s3:{KMS_KEY}"] = canonical_key(call.headers[KMS_KEY], context.settings.region)
    if call.operation in _DESCRIBING:
        keys |= _of_new_object(call.headers, context.head.now, call.operation)
    if action == "s3:PutObject" and call.operation in _CREATING:
        keys["s3:ObjectCreationOperation"] = _CREATING[call.operation]
    keys |= context.further_keys
    return keys


def _of_request(head: RequestHead) -> Keys:
    keys: Keys = {
        "aws:CurrentTime": _iso_second(int(head.now)),
        "aws:EpochTime": str(int(head.now)),
        "aws:PrincipalIsAWSService": "false",
        "aws:SecureTransport": "true" if head.secure else "false",
        "aws:SourceIp": head.peer,
        "aws:ViaAWSService": "false",
    }
    for header, name in (("user-agent", "aws:UserAgent"), ("referer", "aws:Referer")):
        if header in head.headers:
            keys[name] = head.headers[header]
    return keys


@lru_cache(maxsize=4)
def _iso_second(second: int) -> str:
    moment = datetime.datetime.fromtimestamp(second, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def principal_keys(principal: Principal) -> Keys:
    """The keys that say who asks."""
    if principal.anonymous:
        return {"aws:PrincipalType": "Anonymous", "aws:userid": "anonymous"}
    keys: Keys = {
        "aws:PrincipalAccount": principal.account_number,
        "aws:PrincipalArn": principal.arn,
        "aws:PrincipalType": "Account" if principal.root else "User",
        "aws:userid": principal.unique_id,
    }
    if principal.role:
        keys["aws:PrincipalType"] = "AssumedRole"
    else:
        keys["aws:username"] = principal.user_name
    if principal.issued_s:
        keys["aws:TokenIssueTime"] = iso_date(principal.issued_s)
    return keys


def _of_headers(headers: Mapping[str, str]) -> Keys:
    keys: Keys = {}
    for header, value in headers.items():
        name = _HEADERS.get(header)
        if name is not None:
            keys[name] = value
    source = headers.get("x-amz-copy-source")
    if source is not None:
        keys["s3:x-amz-copy-source"] = _plain_source(source)
    return keys


def _of_new_object(headers: Mapping[str, str], now: float, operation: str) -> Keys:
    keys: Keys = {}
    for name in ("object-lock-mode", "object-lock-legal-hold"):
        if f"x-amz-{name}" in headers:
            keys[f"s3:{name}"] = headers[f"x-amz-{name}"]
    until = headers.get("x-amz-object-lock-retain-until-date")
    if until is not None:
        keys |= retention_keys(until, now)
    tagging = headers.get("x-amz-tagging")
    if operation == "CopyObject" and headers.get("x-amz-tagging-directive") != "REPLACE":
        return keys  # the source's tags are kept, whatever the header says
    if tagging:
        try:
            keys |= tag_keys(parse_tagging_header(tagging))
        except S3Error:
            return keys  # the operation refuses the header
    return keys


def _plain_source(value: str) -> str:
    """The source as ``bucket/key``, decoded, so that no spelling slips past a policy."""
    try:
        source = parse_copy_source(value)
    except S3Error:
        return value  # the operation refuses the header
    return f"{source.bucket}/{source.key}"


def tag_keys(tags: Mapping[str, str]) -> Keys:
    """The keys of the tags that a request sets: one of each tag, and the names of all."""
    keys: Keys = {f"s3:RequestObjectTag/{name}": value for name, value in tags.items()}
    keys["s3:RequestObjectTagKeys"] = tuple(tags)
    return keys


def retention_keys(until: str, now: float) -> Keys:
    """The keys of a date until which an object is to be retained; days that have begun count."""
    keys: Keys = {"s3:object-lock-retain-until-date": until}
    try:
        moment = datetime.datetime.fromisoformat(until)
    except ValueError:
        return keys  # the operation refuses the date
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    days = (moment.timestamp() - now) / _DAY_S
    keys["s3:object-lock-remaining-retention-days"] = str(max(0, math.ceil(days)))
    return keys
