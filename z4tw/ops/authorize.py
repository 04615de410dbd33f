"""Who may do what: the rules that are built in, and the evaluators' answers put together.

An explicit deny of any evaluator wins, over everybody; then an allow, by a built-in rule or an
evaluator; silence is a deny. Built-in: an admin may do everything; a bucket's owner account
everything in its bucket; every user may list its buckets, and create some unless forbidden to.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING, Any

from z4tw.errors import AccessDenied, InvalidBucketOwnerAWSAccountID
from z4tw.interfaces.plugins import (
    Decision,
    Effect,
    IDocumentEvaluator,
    IPolicyEvaluator,
    ISelectiveEvaluator,
    PolicyRequest,
)
from z4tw.model.control import Bucket, Principal
from z4tw.model.objects import Head, Version
from z4tw.ops.condition_keys import ConditionKeys
from z4tw.s3.names import is_version_id
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

DOCUMENT_OPERATIONS = frozenset({"CreateBucket", "PutObjectTagging"})
"""Operations that call ``demand_with_document`` when their document has been read."""
_READS_OF_VERSIONS = frozenset(
    {"GetObject", "GetObjectAcl", "GetObjectAttributes", "GetObjectTagging", "HeadObject"}
)
"""Operations that look for a version, judge it if it is not the judged one, and answer its absence
with an error."""

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


_FURTHER_ACTIONS = {
    "s3:GetObjectAttributes": ("s3:GetObject",),
    "s3:GetObjectVersionAttributes": ("s3:GetObjectVersion",),
}
_HEADER_ACTIONS = (("x-amz-tagging", "s3:PutObjectTagging"),)
"""Headers of a request that writes an object, and the action that each needs too."""


def needed_actions(call: S3Call) -> list[str]:
    """All IAM actions that a request needs on its bucket or key."""
    action = action_of(call)
    needed = [action, *_FURTHER_ACTIONS.get(action, ())]
    if action == "s3:PutObject":
        needed += [further for header, further in _HEADER_ACTIONS if call.headers.get(header)]
    return needed


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


class _Unselective:
    """An evaluator that does not say when it has nothing to say."""

    def __init__(self, evaluator: IPolicyEvaluator) -> None:
        self.evaluate = evaluator.evaluate

    def may_deny(self, principal: Principal, bucket: Bucket | None) -> bool:
        return True

    def needs_version(self, request: PolicyRequest) -> bool:
        return False


class Access:
    """Puts the built-in rules and the evaluators together.

    Evaluators that cannot deny are not asked where a built-in rule allows.
    """

    def __init__(self, evaluators: Iterable[IPolicyEvaluator]) -> None:
        self._evaluators = tuple(
            one if ISelectiveEvaluator.providedBy(one) else _Unselective(one) for one in evaluators
        )

    def demand(self, context: Context) -> Awaitable[None] | None:
        """Demand what the operation needs on the bucket and key that the request names. Raises
        ``AccessDenied``; returns what is still to be awaited, which may raise it, or None."""
        call = context.call
        principal = context.principal
        bucket = context.bucket
        if principal.admin or (bucket is not None and principal.account_id == bucket.owner):
            for one in self._evaluators:
                if one.may_deny(principal, bucket):
                    break
            else:
                return None
        if call.operation in PER_KEY_OPERATIONS:
            if principal.anonymous:
                raise AccessDenied()
            return None
        if call.operation in DOCUMENT_OPERATIONS and self._needs_document(context):
            context.undecided = True
            return None
        for action in needed_actions(call):
            if call.key and self._needs_version(context, action, self._deniers(context)):
                return self._demand_with_version(context)
            if not self.allowed(context, action, bucket, call.key):
                # What could only allow is not shown the version unless it takes that.
                if call.key and self._needs_version(context, action, self._evaluators):
                    return self._demand_with_version(context)
                raise AccessDenied()
        return None

    async def demand_with_document(self, context: Context) -> None:
        """Demand what the operation needs, now that its document was read and put into
        ``context.further_keys``, if the permission hung on that. Raises ``AccessDenied``."""
        if context.undecided:
            context.undecided = False
            if context.call.key:
                await self._demand_with_version(context)
            else:
                self.judge(context, None)

    def _needs_document(self, context: Context) -> bool:
        requests = [
            _request(context, action, context.bucket, context.call.key, None)
            for action in needed_actions(context.call)
        ]
        return any(
            one.needs_document(request)
            for request in requests
            for one in self._asked(request)
            if IDocumentEvaluator.providedBy(one)
        )

    def _deniers(self, context: Context) -> Iterable[Any]:
        principal, bucket = context.principal, context.bucket
        return [one for one in self._evaluators if one.may_deny(principal, bucket)]

    def _needs_version(self, context: Context, action: str, evaluators: Iterable[Any]) -> bool:
        request = _request(context, action, context.bucket, context.call.key, None)
        return any(one.needs_version(request) for one in evaluators)

    async def _demand_with_version(self, context: Context) -> None:
        register = context.object_register()
        version_id = context.call.query.get("versionId", "")
        version: Version | None = None
        if version_id:
            if is_version_id(version_id):
                version = await context.store.find_version(register, version_id)
        else:
            head: Head | None = await context.store.read(register)
            version = None if head is None else head.versions[0]
        self.judge(context, version)

    def judge(self, context: Context, version: Version | None) -> None:
        """Demand what the operation needs, now that the version acted upon is known (None: there
        is none). Who reads another version afterwards has to ask again. Raises ``AccessDenied``.
        """
        context.judged = True
        context.judged_version = version
        for action in needed_actions(context.call):
            said = self.decide(context, action, context.bucket, context.call.key, version)
            if said.effect is Effect.ALLOW:
                continue
            if said is not _SILENCE or not self._shown_absent(context, version):
                raise AccessDenied()

    def _shown_absent(self, context: Context, version: Version | None) -> bool:
        """Whether a read finds nothing and may know it: who may list is told what is not there."""
        if version is not None and not version.delete_marker:
            return False
        if context.call.operation not in _READS_OF_VERSIONS:
            return False
        versions = "versionId" in context.call.query
        action = "s3:ListBucketVersions" if versions else "s3:ListBucket"
        return self.allowed(context, action, context.bucket, "")

    def allowed(
        self,
        context: Context,
        action: str,
        bucket: Bucket | None,
        key: str,
        version: Version | None = None,
    ) -> bool:
        """Whether the request's principal may do an action on a bucket and key."""
        return self.decide(context, action, bucket, key, version).effect is Effect.ALLOW

    def decide(
        self,
        context: Context,
        action: str,
        bucket: Bucket | None,
        key: str,
        version: Version | None = None,
    ) -> Decision:
        """Allow or deny, never abstain, with the reason."""
        decision = built_in(context.principal, action, bucket)
        request = _request(context, action, bucket, key, version)
        for evaluator in self._asked(request):
            said: Decision = evaluator.evaluate(request)
            if said.effect is Effect.DENY:
                return said
            if said.effect is Effect.ALLOW and decision is None:
                decision = said
        return decision or _SILENCE

    def serves(self, request: PolicyRequest, allowed: bool) -> bool:
        """Whether a service of the node (``request.principal``) may do an action. ``allowed`` is
        what holds when no evaluator says anything; a deny of any of them wins."""
        for evaluator in self._evaluators:
            effect = evaluator.evaluate(request).effect
            if effect is Effect.DENY:
                return False
            allowed = allowed or effect is Effect.ALLOW
        return allowed

    def _asked(self, request: PolicyRequest) -> Iterable[Any]:
        principal, bucket = request.principal, request.bucket
        if built_in(principal, request.action, bucket) is None:
            return self._evaluators
        return [one for one in self._evaluators if one.may_deny(principal, bucket)]


def _request(
    context: Context, action: str, bucket: Bucket | None, key: str, version: Version | None
) -> PolicyRequest:
    return PolicyRequest(
        principal=context.principal,
        action=action,
        bucket_name=context.call.bucket if bucket is None else bucket.name,
        bucket=bucket,
        key=key,
        context=ConditionKeys(context, action, bucket),
        version=version,
    )


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
