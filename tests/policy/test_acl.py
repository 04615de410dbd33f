"""ACLs as pure values, and the evaluator against a naive table."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from z4tw.interfaces import Effect, ISelectiveEvaluator, PolicyRequest
from z4tw.model.access import Acl, AclGrant
from z4tw.model.control import ANONYMOUS, Bucket, Principal
from z4tw.model.objects import EMPTY_BODY, Version
from z4tw.policy.acl import (
    ALL_USERS,
    AUTHENTICATED_USERS,
    BUCKET_ACTIONS,
    BUCKET_CANNED,
    LOG_DELIVERY,
    OBJECT_ACTIONS,
    OBJECT_CANNED,
    PERMISSIONS,
    AclEvaluator,
    canned_bucket_acl,
    canned_object_acl,
    is_public,
    private,
    stored,
)
from z4tw.s3.operations import OPERATIONS

OWNER, WRITER, OTHER = "a" * 64, "b" * 64, "c" * 64


def person(id: str, user: str = "") -> Principal:
    return Principal(id, "000000000001", "p", user or id, "p", "Z4KEY")


PEOPLE = {
    "owner": person(OWNER),
    "writer": person(WRITER),
    "other": person(OTHER),
    "user of the writer": person(WRITER, "user-1"),
    "anonymous": ANONYMOUS,
}
ACTIONS = sorted({operation.action for operation in OPERATIONS.values()} | set(OBJECT_ACTIONS))
# The table of AWS's page, written down apart from the code.
TABLE = {
    ("bucket", "READ"): {"s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"},
    ("bucket", "WRITE"): {
        "s3:PutObject",
        "s3:DeleteObject",
        "s3:AbortMultipartUpload",
        "s3:ListMultipartUploadParts",
    },
    ("bucket", "READ_ACP"): {"s3:GetBucketAcl"},
    ("bucket", "WRITE_ACP"): {"s3:PutBucketAcl"},
    ("object", "READ"): {"s3:GetObject", "s3:GetObjectVersion"},
    ("object", "WRITE"): set(),
    ("object", "READ_ACP"): {"s3:GetObjectAcl", "s3:GetObjectVersionAcl"},
    ("object", "WRITE_ACP"): {"s3:PutObjectAcl", "s3:PutObjectVersionAcl"},
}

acls = st.none() | st.builds(
    Acl,
    st.lists(
        st.builds(
            AclGrant,
            st.sampled_from([OWNER, WRITER, OTHER, ALL_USERS, AUTHENTICATED_USERS, LOG_DELIVERY]),
            st.sampled_from(sorted(PERMISSIONS)),
        ),
        max_size=4,
    ).map(tuple),
)


def version_of(owner: str, acl: Acl | None, delete_marker: bool = False) -> Version:
    return Version(bytes(20), False, 1, "e", EMPTY_BODY, owner, delete_marker, acl=acl)


def bucket_of(acl: Acl | None, ownership: str = "ObjectWriter", **more: Any) -> Bucket:
    return Bucket(
        bytes(20), "b", 1, OWNER, 0, "us-east-1", object_ownership=ownership, acl=acl, **more
    )


def allowed(who: Principal, action: str, bucket: Bucket | None, version: Version | None) -> bool:
    request = PolicyRequest(who, action, "b", bucket, "k", {}, version)
    effect = AclEvaluator().evaluate(request).effect
    assert effect is not Effect.DENY
    return effect is Effect.ALLOW


def naive(who: str, level: str, owner: str, acl: Acl | None) -> set[str]:
    """The actions that somebody has by an ACL: the grants that reach them, added up."""
    accounts = {"owner": OWNER, "writer": WRITER, "user of the writer": WRITER, "other": OTHER}
    mine = accounts.get(who, "nobody")
    grantees = {mine, ALL_USERS}
    if who != "anonymous":
        grantees.add(AUTHENTICATED_USERS)
    grants = (AclGrant(owner, "FULL_CONTROL"),) if acl is None else acl.grants
    permissions = {grant.permission for grant in grants if grant.grantee in grantees}
    if mine == owner:
        permissions |= {"READ_ACP", "WRITE_ACP"}
    if "FULL_CONTROL" in permissions:
        permissions |= {"READ", "WRITE", "READ_ACP", "WRITE_ACP"}
    actions: set[str] = set()
    for permission in permissions - {"FULL_CONTROL"}:
        actions |= TABLE[level, permission]
    return actions


@given(acls, acls, st.sampled_from([OWNER, WRITER]), st.sampled_from(sorted(PEOPLE)))
def test_the_evaluator_is_the_table(
    bucket_acl: Acl | None, object_acl: Acl | None, object_owner: str, who: str
) -> None:
    bucket, version = bucket_of(bucket_acl), version_of(object_owner, object_acl)
    expected = naive(who, "bucket", OWNER, bucket_acl)
    expected |= naive(who, "object", object_owner, object_acl)
    found = {action for action in ACTIONS if allowed(PEOPLE[who], action, bucket, version)}
    assert found == expected


@given(acls, acls, st.sampled_from(sorted(PEOPLE)))
def test_nothing_is_granted_where_acls_are_off(
    bucket_acl: Acl | None, object_acl: Acl | None, who: str
) -> None:
    bucket = bucket_of(bucket_acl, "BucketOwnerEnforced")
    version = version_of(WRITER, object_acl)
    assert not any(allowed(PEOPLE[who], action, bucket, version) for action in ACTIONS)


def test_it_needs_the_version_only_where_an_acl_of_it_may_grant() -> None:
    evaluator = AclEvaluator()
    assert verifyObject(ISelectiveEvaluator, evaluator)
    assert not evaluator.may_deny(ANONYMOUS, None)

    def needs(action: str, bucket: Bucket | None) -> bool:
        return evaluator.needs_version(PolicyRequest(ANONYMOUS, action, "b", bucket, "k", {}))

    assert {action for action in ACTIONS if needs(action, bucket_of(None))} == set(OBJECT_ACTIONS)
    assert not any(needs(action, None) for action in ACTIONS)
    enforced = bucket_of(None, "BucketOwnerEnforced")
    assert not any(needs(action, enforced) for action in ACTIONS)


def test_what_is_not_there_grants_nothing() -> None:
    public = canned_object_acl("public-read-write", WRITER, OWNER)
    for version in (None, version_of(WRITER, public, delete_marker=True)):
        for who in PEOPLE.values():
            assert not allowed(who, "s3:GetObject", bucket_of(None), version)
    assert not allowed(ANONYMOUS, "s3:GetObject", None, version_of(WRITER, public))


def test_what_an_account_was_granted_is_not_said_of_its_users_themselves() -> None:
    version = version_of(WRITER, canned_object_acl("bucket-owner-full-control", WRITER, OWNER))
    assert allowed(person(WRITER), "s3:GetObject", bucket_of(None), version)
    assert allowed(person(OWNER), "s3:GetObject", bucket_of(None), version)
    for who in (person(WRITER, "user-1"), person(OWNER, "user-1")):
        request = PolicyRequest(who, "s3:GetObject", "b", bucket_of(None), "k", {}, version)
        said = AclEvaluator().evaluate(request)
        assert (said.effect, said.names_user) == (Effect.ALLOW, False)
    public = version_of(WRITER, canned_object_acl("public-read", WRITER, OWNER))
    request = PolicyRequest(
        person(OWNER, "user-1"), "s3:GetObject", "b", bucket_of(None), "k", {}, public
    )
    assert AclEvaluator().evaluate(request).names_user


@pytest.mark.parametrize(
    ("name", "grants"),
    [
        ("private", []),
        ("aws-exec-read", []),
        ("public-read", [(ALL_USERS, "READ")]),
        ("public-read-write", [(ALL_USERS, "READ"), (ALL_USERS, "WRITE")]),
        ("authenticated-read", [(AUTHENTICATED_USERS, "READ")]),
        ("bucket-owner-read", [(OWNER, "READ")]),
        ("bucket-owner-full-control", [(OWNER, "FULL_CONTROL")]),
    ],
)
def test_canned_acls_of_objects(name: str, grants: list[tuple[str, str]]) -> None:
    expected = [AclGrant(WRITER, "FULL_CONTROL"), *(AclGrant(*grant) for grant in grants)]
    assert list(canned_object_acl(name, WRITER, OWNER).grants) == expected
    own = canned_object_acl(name, OWNER, OWNER)
    assert own.grants.count(AclGrant(OWNER, "FULL_CONTROL")) == 1
    assert AclGrant(OWNER, "READ") not in own.grants


def test_canned_acls_of_buckets() -> None:
    assert BUCKET_CANNED > OBJECT_CANNED
    for name in sorted(BUCKET_CANNED):
        acl = canned_bucket_acl(name, OWNER)
        assert acl.grants[0] == AclGrant(OWNER, "FULL_CONTROL")
        assert is_public(acl) == (
            name in ("public-read", "public-read-write", "authenticated-read")
        )
    log = canned_bucket_acl("log-delivery-write", OWNER)
    assert log.grants[1:] == (AclGrant(LOG_DELIVERY, "WRITE"), AclGrant(LOG_DELIVERY, "READ_ACP"))


def test_a_private_acl_is_not_stored() -> None:
    assert stored(private(OWNER), OWNER) is None
    assert stored(private(OWNER), WRITER) == private(OWNER)
    assert not is_public(None)
    assert set(BUCKET_ACTIONS.values()) | set(OBJECT_ACTIONS.values()) < PERMISSIONS
