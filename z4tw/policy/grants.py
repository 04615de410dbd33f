"""The built-in policy plugin ``grants``: what ``z4 bucket allow`` gives to users."""

from __future__ import annotations

from zope.interface import implementer

from z4tw.interfaces.plugins import Decision, Effect, ISelectiveEvaluator, PolicyRequest
from z4tw.model.control import Bucket, Grant, Principal

READ_ACTIONS = frozenset(
    {
        "s3:GetBucketLocation",
        "s3:GetBucketObjectLockConfiguration",
        "s3:GetBucketTagging",
        "s3:GetBucketVersioning",
        "s3:GetObject",
        "s3:GetObjectAnnotation",
        "s3:GetObjectAttributes",
        "s3:GetObjectLegalHold",
        "s3:GetObjectRetention",
        "s3:GetObjectTagging",
        "s3:GetObjectVersion",
        "s3:GetObjectVersionAttributes",
        "s3:GetObjectVersionTagging",
        "s3:ListBucket",
        "s3:ListBucketMultipartUploads",
        "s3:ListBucketVersions",
        "s3:ListMultipartUploadParts",
        "s3:ListObjectAnnotations",
    }
)
"""What READ allows: reading and listing objects, versions, uploads, tags, and the settings that
clients ask for before they read."""

WRITE_ACTIONS = frozenset(
    {
        "s3:AbortMultipartUpload",
        "s3:DeleteObject",
        "s3:DeleteObjectAnnotation",
        "s3:DeleteObjectTagging",
        "s3:DeleteObjectVersion",
        "s3:DeleteObjectVersionTagging",
        "s3:GetBucketLocation",
        "s3:ListBucketMultipartUploads",
        "s3:ListMultipartUploadParts",
        "s3:PutObject",
        "s3:PutObjectAnnotation",
        "s3:PutObjectTagging",
        "s3:PutObjectVersionTagging",
    }
)
"""What WRITE allows: storing, deleting and tagging objects, and multipart uploads with the
listings that resuming one takes. It does not allow reading objects back."""

_ABSTAIN = Decision(Effect.ABSTAIN, "no grant on the bucket")


@implementer(ISelectiveEvaluator)
class GrantsEvaluator:
    """Allows what a bucket's grants give the requesting user; it never denies.

    OWNER allows every action on the bucket and on what is in it.
    """

    def may_deny(self, principal: Principal, bucket: Bucket | None) -> bool:
        """Never."""
        return False

    def needs_version(self, request: PolicyRequest) -> bool:
        """Never: grants are a bucket's."""
        return False

    def evaluate(self, request: PolicyRequest) -> Decision:
        """Allow by a grant of the bucket, else abstain."""
        bucket = request.bucket
        user = request.principal.user_id
        if bucket is None or not user:
            return _ABSTAIN
        flags = bucket.grants.get(user, 0)
        if not flags:
            return _ABSTAIN
        if flags & Grant.OWNER:
            return Decision(Effect.ALLOW, "the user has an owner grant", True)
        action = request.action
        if flags & Grant.READ and action in READ_ACTIONS:
            return Decision(Effect.ALLOW, "the user has a read grant", True)
        if flags & Grant.WRITE and action in WRITE_ACTIONS:
            return Decision(Effect.ALLOW, "the user has a write grant", True)
        return Decision(Effect.ABSTAIN, "the user's grants do not cover the action")
