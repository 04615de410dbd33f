"""Who may do what: the rules that are built in, and the evaluators' answers put together.

An explicit deny of any evaluator wins, over everybody; then an allow, by a built-in rule or an
evaluator; silence is a deny. Built-in: an admin may do everything; a bucket's owner account
everything in its bucket; every user may list its buckets, and create some unless forbidden to.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from z4tw.errors import AccessDenied, InvalidBucketOwnerAWSAccountID
from z4tw.interfaces.plugins import Decision, Effect, IPolicyEvaluator, PolicyRequest
from z4tw.model.control import Bucket, Principal
from z4tw.s3.operations import OPERATIONS

if TYPE_CHECKING:
    from z4tw.ops.context import Context
    from z4tw.ops.directory import Directory
    from z4tw.s3.call import S3Call

SERVICE_ACTIONS = frozenset({"s3:ListAllMyBuckets", "s3:CreateBucket"})
"""Actions that are not upon an existing bucket."""

VERSION_ACTIONS = {
    "s3:DeleteObject": "s3:DeleteObjectVersion",
    "s3:DeleteObjectTagging": "s3:DeleteObjectVersionTagging",
    "s3:GetObject": "s3:GetObjectVersion",
    "s3:GetObjectAcl": "s3:GetObjectVersionAcl",
    "s3:GetObjectAttributes": "s3:GetObjectVersionAttributes",
    "s3:GetObjectTagging": "s3:GetObjectVersionTagging",
    "s3:PutObjectAcl": "s3:PutObjectVersionAcl",
    "s3:PutObjectTagging": "s3:PutObjectVersionTagging",
}
"""The action that a request with a version id needs instead of the plain one."""

PER_KEY_OPERATIONS = frozenset({"DeleteObjects"})
"""Operations that authorize each key of their document themselves, once the caller is known."""

_ADMIN = Decision(Effect.ALLOW, "the user is an admin")
_OWNER = Decision(Effect.ALLOW, "the account owns the bucket")
_LISTS = Decision(Effect.ALLOW, "every user may list its buckets")
_CREATES = Decision(Effect.ALLOW, "the user may create buckets")
_SILENCE = Decision(Effect.DENY, "nothing allows it")


def action_of(call: S3Call) -> str:
    """The IAM action that an operation needs on its bucket or key.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
    """
    action = OPERATIONS[call.operation].action
    if call.query and call.query.get("versionId"):
        return VERSION_ACTIONS.get(action, action)
    return action


def built_in(principal: Principal, action: str, bucket: Bucket | None) -> Decision | None:
    """What the built-in rules allow; None when they say nothing."""
    if principal.admin:
        return _ADMIN
    if bucket is not None:
        return _OWNER if principal.account_id == bucket.owner else None
    if action == "s3:ListAllMyBuckets" and not principal.anonymous:
        return _LISTS
    if action == "s3:CreateBucket" and principal.may_create_buckets:
        return _CREATES
    return None


def condition_keys(context: Context) -> dict[str, str]:
    """The condition keys of a request that evaluators may ask for.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
    """
    head = context.head
    query = context.call.query
    keys = {
        "aws:SourceIp": head.peer,
        "aws:SecureTransport": "true" if head.secure else "false",
        "aws:EpochTime": str(int(head.now)),
    }
    principal = context.principal
    if not principal.anonymous:
        keys["aws:username"] = principal.user_name
        keys["aws:userid"] = principal.user_id
        keys["aws:PrincipalAccount"] = principal.account_number
        keys["s3:signatureversion"] = "AWS4-HMAC-SHA256"
        header_signed = "authorization" in head.headers
        keys["s3:authType"] = "REST-HEADER" if header_signed else "REST-QUERY-STRING"
    for header, name in (("user-agent", "aws:UserAgent"), ("referer", "aws:Referer")):
        if header in head.headers:
            keys[name] = head.headers[header]
    for parameter, name in (
        ("prefix", "s3:prefix"),
        ("delimiter", "s3:delimiter"),
        ("max-keys", "s3:max-keys"),
        ("versionId", "s3:VersionId"),
    ):
        if parameter in query:
            keys[name] = query[parameter]
    for header, value in context.call.headers.items():
        if header.startswith("x-amz-"):
            keys[f"s3:{header}"] = value
    return keys


class Access:
    """Puts the built-in rules and the evaluators together.

    An evaluator with a true attribute ``never_denies`` is not asked where a built-in rule allows.
    """

    def __init__(self, evaluators: Iterable[IPolicyEvaluator]) -> None:
        self._evaluators = tuple(evaluators)
        self._deniers = tuple(
            one for one in self._evaluators if not getattr(one, "never_denies", False)
        )

    def demand(self, context: Context) -> None:
        """Demand what the operation needs on the bucket and key that the request names.
        Raises ``AccessDenied``."""
        call = context.call
        operation = call.operation
        principal = context.principal
        bucket = context.bucket
        if not self._deniers and (
            principal.admin or (bucket is not None and principal.account_id == bucket.owner)
        ):
            return
        if operation in PER_KEY_OPERATIONS:
            if principal.anonymous:
                raise AccessDenied()
            return
        for action in self._needed(call):
            if not self.allowed(context, action, bucket, call.key):
                raise AccessDenied()

    def _needed(self, call: S3Call) -> list[str]:
        action = action_of(call)
        needed = [action]
        if action == "s3:GetObjectAttributes":
            needed.append("s3:GetObject")
        elif action == "s3:GetObjectVersionAttributes":
            needed.append("s3:GetObjectVersion")
        elif action == "s3:PutObject" and call.headers.get("x-amz-tagging"):
            needed.append("s3:PutObjectTagging")
        return needed

    def allowed(
        self,
        context: Context,
        action: str,
        bucket: Bucket | None,
        key: str,
        version_owner: str = "",
    ) -> bool:
        """Whether the request's principal may do an action on a bucket and key."""
        decision = self.decide(context, action, bucket, key, version_owner)
        return decision.effect is Effect.ALLOW

    def decide(
        self,
        context: Context,
        action: str,
        bucket: Bucket | None,
        key: str,
        version_owner: str = "",
    ) -> Decision:
        """Allow or deny, never abstain, with the reason."""
        principal = context.principal
        decision = built_in(principal, action, bucket)
        asked = self._evaluators if decision is None else self._deniers
        if not asked:
            return decision or _SILENCE
        request = PolicyRequest(
            principal=principal,
            action=action,
            bucket_name=context.call.bucket if bucket is None else bucket.name,
            bucket=bucket,
            key=key,
            context=condition_keys(context),
            version_owner=version_owner,
        )
        for evaluator in asked:
            said = evaluator.evaluate(request)
            if said.effect is Effect.DENY:
                return said
            if said.effect is Effect.ALLOW and decision is None:
                decision = said
        return decision or _SILENCE


async def check_expected_owner(directory: Directory, bucket: Bucket, expected: str) -> None:
    """Enforce ``x-amz-expected-bucket-owner`` (or its source variant): the 12-digit number of the
    account that should own the bucket. Raises ``AccessDenied``, and for text that is no account
    number ``InvalidBucketOwnerAWSAccountID``.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    """
    if len(expected) != 12 or not (expected.isascii() and expected.isdigit()):
        raise InvalidBucketOwnerAWSAccountID()
    if await directory.owner_number(bucket.owner) != expected:
        raise AccessDenied()
