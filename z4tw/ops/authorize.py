"""Who may do what: the rules that are built in, and the evaluators' answers put together.

An explicit deny of any evaluator wins, over everybody; then an allow, by a built-in rule or by
what ``combine`` makes of the evaluators (they speak for the bucket) and the user's own policies;
silence is a deny. What limits a key or a session has to allow too. Built-in: an admin may do
everything; the root user of a bucket's owner account everything in its bucket; every root user
may list its buckets, and create some unless forbidden to.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

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
from z4tw.policy import identity
from z4tw.policy.combine import combine
from z4tw.s3.locking import creates_locked
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

DOCUMENT_OPERATIONS = frozenset({"CreateBucket", "PutObjectRetention", "PutObjectTagging"})
"""Operations that call ``demand_with_document`` when their document has been read."""
_READS_OF_VERSIONS = frozenset(
    {"GetObject", "GetObjectAcl", "GetObjectAttributes", "GetObjectTagging", "HeadObject"}
)
"""Operations that look for a version, judge it if it is not the judged one, and answer its absence
with an error."""

_ADMIN = Decision(Effect.ALLOW, "the user is an admin")
_OWNER = Decision(Effect.ALLOW, "the user is the root user of the account that owns the bucket")
_LISTS = Decision(Effect.ALLOW, "every root user may list its buckets")
_CREATES = Decision(Effect.ALLOW, "the user may create buckets")
_SILENCE = Decision(Effect.DENY, "nothing allows it")
_NO_RULE = Decision(Effect.ABSTAIN, "no built-in rule speaks of it")


class Voice(NamedTuple):
    """What somebody said who was asked for a decision."""

    name: str
    said: Decision


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
_HEADER_ACTIONS = (
    ("x-amz-tagging", "s3:PutObjectTagging"),
    ("x-amz-object-lock-mode", "s3:PutObjectRetention"),
    ("x-amz-object-lock-legal-hold", "s3:PutObjectLegalHold"),
)
"""Headers of a request that writes an object, and the action that each needs too."""

_LOCKED_BUCKET_ACTIONS = ("s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning")
"""What making a bucket with object lock needs too."""
_CREATING_ACTIONS = frozenset({"s3:CreateBucket", *_LOCKED_BUCKET_ACTIONS})


def needed_actions(call: S3Call) -> list[str]:
    """All IAM actions that a request needs on its bucket or key."""
    action = action_of(call)
    needed = [action, *_FURTHER_ACTIONS.get(action, ())]
    if action == "s3:PutObject":
        needed += [further for header, further in _HEADER_ACTIONS if call.headers.get(header)]
    elif action == "s3:CreateBucket" and creates_locked(call):
        needed += _LOCKED_BUCKET_ACTIONS
    return needed


def built_in(principal: Principal, action: str, bucket: Bucket | None) -> Decision | None:
    """What the built-in rules allow; None when they say nothing."""
    if principal.admin:
        return _ADMIN
    if bucket is not None:
        return _OWNER if principal.user_id == bucket.owner else None
    if action == "s3:ListAllMyBuckets" and principal.root:
        return _LISTS
    if action in _CREATING_ACTIONS and principal.may_create_buckets:
        return _CREATES
    return None


def denied(context: Context, action: str, decision: Decision) -> AccessDenied:
    """The refusal of an action (to be raised by the caller). The client is not told why: that
    goes into the access log."""
    context.exchange.denied = f"{action}: {decision.reason}"
    return AccessDenied()


class _Unselective:
    """An evaluator that does not say when it has nothing to say."""

    def __init__(self, evaluator: IPolicyEvaluator) -> None:
        self.evaluate = evaluator.evaluate
        self.wrapped = evaluator

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
        # (A root user has the account's id. Its own policies could only deny, and it has none.)
        if not principal.limits and (
            principal.admin or (bucket is not None and principal.user_id == bucket.owner)
        ):
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
            decision = self.decide(context, action, bucket, call.key)
            if decision.effect is not Effect.ALLOW:
                # What could only allow is not shown the version unless it takes that.
                if call.key and self._needs_version(context, action, self._evaluators):
                    return self._demand_with_version(context)
                raise denied(context, action, decision)
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
        ) or any(
            identity.reads_document(one, request.action)
            for request in requests
            for one in context.principal.spoken
        )

    def _deniers(self, context: Context) -> Iterable[Any]:
        principal, bucket = context.principal, context.bucket
        return [one for one in self._evaluators if one.may_deny(principal, bucket)]

    def _needs_version(self, context: Context, action: str, evaluators: Iterable[Any]) -> bool:
        request = _request(context, action, context.bucket, context.call.key, None)
        return any(identity.reads_tags(one, action) for one in context.principal.spoken) or any(
            one.needs_version(request) for one in evaluators
        )

    async def _demand_with_version(self, context: Context) -> None:
        self.judge(context, await self._version(context))

    async def explain(self, context: Context) -> list[tuple[str, Decision]]:
        """What is decided of each action that a request needs upon its bucket or key."""
        call = context.call
        version = await self._version(context) if context.bucket and call.key else None
        return [
            (action, self.decide(context, action, context.bucket, call.key, version))
            for action in needed_actions(call)
        ]

    async def _version(self, context: Context) -> Version | None:
        register = context.object_register()
        version_id = context.call.query.get("versionId", "")
        version: Version | None = None
        if version_id:
            if is_version_id(version_id):
                version = await context.store.find_version(register, version_id)
        else:
            head: Head | None = await context.store.read(register)
            version = None if head is None else head.versions[0]
        return version

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
                raise denied(context, action, said)

    def silent(self, context: Context, action: str, bucket: Bucket | None, key: str) -> bool:
        """Whether nothing allows an action on an absent version, and nothing forbids it: who may
        list is then told that it is absent."""
        return self.decide(context, action, bucket, key) is _SILENCE

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
        return self.weigh(_request(context, action, bucket, key, version))

    def weigh(self, request: PolicyRequest, voices: list[Voice] | None = None) -> Decision:
        """Allow or deny, never abstain. Into ``voices`` goes what everybody who was asked said;
        all are asked then, though one denial decides."""
        principal = request.principal
        rule = built_in(principal, request.action, request.bucket)
        refused: Decision | None = None
        resource: Decision | None = None
        for evaluator in self._asked(request) if voices is None else self._evaluators:
            said: Decision = evaluator.evaluate(request)
            if voices is not None:
                voices.append(Voice(_voice_name(evaluator), said))
            if said.effect is Effect.DENY:
                refused = refused or said
                if voices is None:
                    return refused
            elif said.effect is Effect.ALLOW and (
                resource is None or (said.names_user and not resource.names_user)
            ):
                resource = said
        own = identity.judge(principal.policies, request)
        if own.effect is Effect.DENY:
            refused = refused or own
        allowed = rule or combine(
            principal,
            request.bucket is None or request.bucket.owner == principal.account_id,
            own if own.effect is Effect.ALLOW else None,
            resource,
        )
        if voices is not None:
            voices.append(Voice("built-in rules", rule or _NO_RULE))
            voices.append(Voice("identity policies", own))
        for limit in principal.limits:
            said = identity.within(limit, request)
            if voices is not None:
                voices.append(Voice(f"limits of the {limit.source}", said))
            if said.effect is Effect.DENY:
                refused = refused or said
        return refused or allowed or _SILENCE

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


def _voice_name(evaluator: Any) -> str:
    """An evaluator's class as a word: ``grants`` of ``GrantsEvaluator``."""
    kind = type(getattr(evaluator, "wrapped", evaluator)).__name__
    return kind.removesuffix("Evaluator").lower()


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
