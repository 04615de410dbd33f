"""The built-in policy plugin ``bucket-policy``: what a bucket's own policy allows and denies.

Its allow is enough for whom it names within the owner's account, and for other accounts' root
users; other users need an identity policy too (``z4tw.policy.combine``).
https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
"""

from __future__ import annotations

from zope.interface import implementer

from z4tw.errors import MalformedPolicy
from z4tw.interfaces.plugins import Decision, Effect, IDocumentEvaluator, PolicyRequest
from z4tw.model.control import Bucket, Principal
from z4tw.policy.actions import EXISTING_TAG_ACTIONS, POLICY_ACTIONS
from z4tw.policy.document import Policy, parse_policy
from z4tw.policy.evaluate import evaluate
from z4tw.policy.public_access import block_of, is_public

CONFIGURATION = "policy"
"""The name of the policy among a bucket's configurations."""

CACHED_BYTES = 4 * 1024 * 1024
"""Bytes of documents whose parsed forms are kept; a full cache starts again from empty."""

_SOURCE = "the bucket policy"
_ABSTAIN = Decision(Effect.ABSTAIN, "the bucket has no policy")
_UNREADABLE = Decision(Effect.DENY, f"{_SOURCE} cannot be read")
_KEPT = Decision(
    Effect.ABSTAIN, f"{_SOURCE} does not bind the owner's root user and admins in this"
)
_RESTRICTED = Decision(
    Effect.ABSTAIN, f"{_SOURCE} is public and RestrictPublicBuckets keeps it to the owner's account"
)


class _Parsed:
    """A policy, and whether it is public; ``policy`` is None for one that cannot be read."""

    __slots__ = ("policy", "public")

    def __init__(self, document: bytes, bucket: str) -> None:
        self.policy: Policy | None = None
        self.public = False
        try:
            self.policy = parse_policy(document, bucket=bucket)
        except MalformedPolicy:
            return  # it was put by a release that knew more: nothing may be allowed by guesswork
        self.public = is_public(self.policy)


@implementer(IDocumentEvaluator)
class BucketPolicyEvaluator:
    """Judges by the policies of buckets, over the owner and admins too; only the requests that
    change or show the policy itself cannot be denied to the owner's root user and to admins."""

    def __init__(self, cached_bytes: int = CACHED_BYTES) -> None:
        self._limit = cached_bytes
        self._cached = 0
        self._parsed: dict[tuple[bytes, str], _Parsed] = {}

    def may_deny(self, principal: Principal, bucket: Bucket | None) -> bool:
        """Whether the bucket has a policy."""
        return bucket is not None and CONFIGURATION in bucket.configurations

    def needs_version(self, request: PolicyRequest) -> bool:
        """Whether a statement on the action asks for the tags of the object."""
        parsed = self._of(request.bucket)
        return (
            parsed is not None
            and parsed.policy is not None
            and request.action in EXISTING_TAG_ACTIONS
            and parsed.policy.reads_tags(request.action)
        )

    def needs_document(self, request: PolicyRequest) -> bool:
        """Whether a statement on the action asks for tags that the request sets."""
        parsed = self._of(request.bucket)
        return (
            parsed is not None
            and parsed.policy is not None
            and parsed.policy.reads_document(request.action)
        )

    def evaluate(self, request: PolicyRequest) -> Decision:
        """Allow, deny or abstain, naming the statement."""
        bucket = request.bucket
        parsed = self._of(bucket)
        if parsed is None or bucket is None:
            return _ABSTAIN
        decision = _UNREADABLE
        if parsed.policy is not None:
            decision = evaluate(parsed.policy, request, source=_SOURCE)
        principal = request.principal
        if decision.effect is Effect.DENY:
            return _KEPT if _holds_on(principal, bucket, request.action) else decision
        if (
            decision.effect is Effect.ALLOW
            and parsed.public
            and not (principal.service or principal.account_id == bucket.owner)
            and block_of(bucket).restrict_public_buckets
        ):
            return _RESTRICTED
        return decision

    def _of(self, bucket: Bucket | None) -> _Parsed | None:
        """The policy of a bucket, None when it has none."""
        document = None if bucket is None else bucket.configurations.get(CONFIGURATION)
        if bucket is None or document is None:
            return None
        key = (document, bucket.name)
        parsed = self._parsed.get(key)
        if parsed is None:
            parsed = _Parsed(document, bucket.name)
            self._cached += len(document)
            if self._cached > self._limit:
                self._parsed.clear()
                self._cached = len(document)
            self._parsed[key] = parsed
        return parsed


def _holds_on(principal: Principal, bucket: Bucket, action: str) -> bool:
    """Whether a principal keeps its hold on the policy whatever the policy says."""
    if action not in POLICY_ACTIONS:
        return False
    return principal.admin or (principal.root and principal.account_id == bucket.owner)
