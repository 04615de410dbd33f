"""Access control lists: what they grant, and the built-in policy plugin ``acl`` that obeys them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
"""

from __future__ import annotations

from collections.abc import Iterable

from zope.interface import implementer

from z4tw.interfaces.plugins import Decision, Effect, ISelectiveEvaluator, PolicyRequest
from z4tw.model.access import Acl, AclGrant
from z4tw.model.control import ANONYMOUS, Bucket, Principal
from z4tw.policy.public_access import block_of

FULL_CONTROL = "FULL_CONTROL"
READ = "READ"
WRITE = "WRITE"
READ_ACP = "READ_ACP"
WRITE_ACP = "WRITE_ACP"
PERMISSIONS = frozenset({FULL_CONTROL, READ, WRITE, READ_ACP, WRITE_ACP})

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED_USERS = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"
GROUPS = frozenset({ALL_USERS, AUTHENTICATED_USERS, LOG_DELIVERY})
PUBLIC_GROUPS = frozenset({ALL_USERS, AUTHENTICATED_USERS})
"""A grant to one of these makes an ACL public.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html"""

MAX_GRANTS = 100
ENFORCED = "BucketOwnerEnforced"
PREFERRED = "BucketOwnerPreferred"
OWNER_FULL_CONTROL = "bucket-owner-full-control"

BUCKET_ACTIONS = {
    "s3:ListBucket": READ,
    "s3:ListBucketMultipartUploads": READ,
    "s3:ListBucketVersions": READ,
    "s3:AbortMultipartUpload": WRITE,
    "s3:DeleteObject": WRITE,
    "s3:ListMultipartUploadParts": WRITE,
    "s3:PutObject": WRITE,
    "s3:GetBucketAcl": READ_ACP,
    "s3:PutBucketAcl": WRITE_ACP,
}
"""The permission of a bucket's ACL that allows an action on the bucket or what is in it. Deleting
a version for good is the owner account's, whom the built-in rule allows it. AWS gives the initiator
of an upload its parts and its end; here whoever may write has that."""

OBJECT_ACTIONS = {
    "s3:GetObject": READ,
    "s3:GetObjectVersion": READ,
    "s3:GetObjectAcl": READ_ACP,
    "s3:GetObjectVersionAcl": READ_ACP,
    "s3:PutObjectAcl": WRITE_ACP,
    "s3:PutObjectVersionAcl": WRITE_ACP,
}
"""The permission of a version's ACL that allows an action on it."""

_OWNERS = frozenset({READ_ACP, WRITE_ACP})
_GROUP_GRANTS = {
    "public-read": ((ALL_USERS, READ),),
    "public-read-write": ((ALL_USERS, READ), (ALL_USERS, WRITE)),
    "authenticated-read": ((AUTHENTICATED_USERS, READ),),
}
OBJECT_CANNED = frozenset(
    {"private", "aws-exec-read", "bucket-owner-read", OWNER_FULL_CONTROL, *_GROUP_GRANTS}
)
BUCKET_CANNED = OBJECT_CANNED | {"log-delivery-write"}

_ABSTAIN = Decision(Effect.ABSTAIN, "no ACL grants it")


def private(owner: str) -> Acl:
    """What a bucket or version without a stored ACL has."""
    return Acl((AclGrant(owner, FULL_CONTROL),))


def canned_bucket_acl(name: str, owner: str) -> Acl:
    """The grants of a canned ACL on a bucket; S3 takes the ones of objects for private.

    ``aws-exec-read`` grants the owner alone: what it names is EC2, which is not here.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl
    """
    more: Iterable[tuple[str, str]] = _GROUP_GRANTS.get(name, ())
    if name == "log-delivery-write":
        more = ((LOG_DELIVERY, WRITE), (LOG_DELIVERY, READ_ACP))
    return Acl(private(owner).grants + tuple([AclGrant(*grant) for grant in more]))


def canned_object_acl(name: str, owner: str, bucket_owner: str) -> Acl:
    """The grants of a canned ACL on an object."""
    more: Iterable[tuple[str, str]] = _GROUP_GRANTS.get(name, ())
    if owner != bucket_owner:
        if name == "bucket-owner-read":
            more = ((bucket_owner, READ),)
        elif name == OWNER_FULL_CONTROL:
            more = ((bucket_owner, FULL_CONTROL),)
    return Acl(private(owner).grants + tuple([AclGrant(*grant) for grant in more]))


def stored(acl: Acl, owner: str) -> Acl | None:
    """The form in which a record keeps an ACL: None for a private one."""
    return None if acl == private(owner) else acl


def is_public(acl: Acl | None) -> bool:
    """Whether an ACL grants anything to everybody, or to everybody with an account."""
    return acl is not None and any(grant.grantee in PUBLIC_GROUPS for grant in acl.grants)


def grants_others(acl: Acl | None, owner: str) -> bool:
    """Whether an ACL grants anything to anybody but the owner."""
    return acl is not None and any(grant.grantee != owner for grant in acl.grants)


def blocks_public_acls(bucket: Bucket) -> bool:
    """Whether the bucket's public access block refuses public ACLs."""
    return block_of(bucket).block_public_acls


def ignores_public_acls(bucket: Bucket) -> bool:
    """Whether the bucket's public access block takes the effect from public grants."""
    return block_of(bucket).ignore_public_acls


def holds(
    acl: Acl | None, owner: str, principal: Principal, permission: str, public: bool = True
) -> bool:
    """Whether a principal has a permission by the ACL of what ``owner`` owns. ``public`` False:
    grants to everybody are ignored. Owners may always read and write the ACL itself.

    What an account owns or was granted is its users' in so far as their own policies allow it to
    them too (``z4tw.policy.combine``), but for its root user.
    """
    account = principal.account_id
    if account and account == owner and (acl is None or permission in _OWNERS):
        return True
    if acl is None:
        return False
    for grant in acl.grants:
        if grant.permission != permission and grant.permission != FULL_CONTROL:
            continue
        grantee = grant.grantee
        if grantee == ALL_USERS or (grantee == AUTHENTICATED_USERS and not principal.anonymous):
            if public:
                return True
        elif account and grantee == account:
            return True
    return False


@implementer(ISelectiveEvaluator)
class AclEvaluator:
    """Allows what the ACL of the bucket or of the version grants; it never denies.

    In a bucket whose owner has turned ACLs off (BucketOwnerEnforced) it says nothing.
    """

    def may_deny(self, principal: Principal, bucket: Bucket | None) -> bool:
        """Never."""
        return False

    def needs_version(self, request: PolicyRequest) -> bool:
        """For what the ACL of a version may grant."""
        bucket = request.bucket
        return (
            bucket is not None
            and bucket.object_ownership != ENFORCED
            and request.action in OBJECT_ACTIONS
        )

    def evaluate(self, request: PolicyRequest) -> Decision:
        """Allow by a grant, else abstain."""
        bucket = request.bucket
        if bucket is None or bucket.object_ownership == ENFORCED:
            return _ABSTAIN
        permission = BUCKET_ACTIONS.get(request.action)
        if permission is not None:
            acl, owner = bucket.acl, bucket.owner
        else:
            permission = OBJECT_ACTIONS.get(request.action)
            version = request.version
            if permission is None or version is None or version.delete_marker:
                return _ABSTAIN
            acl, owner = version.acl, version.owner
        public = not ignores_public_acls(bucket)
        if holds(acl, owner, request.principal, permission, public):
            to_all = holds(acl, "", ANONYMOUS, permission, public)
            return Decision(Effect.ALLOW, f"the ACL grants {permission}", names_user=to_all)
        return _ABSTAIN
