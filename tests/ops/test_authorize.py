"""Who may do what: every operation by every kind of requester, and the rules one by one."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest
from zope.interface import implementer

from tests.ops.encrypted import EncryptedHarness
from tests.ops.harness import NS, Answer, Harness, Key, run
from z4tw.errors import AccessDenied, InvalidBucketOwnerAWSAccountID
from z4tw.interfaces import (
    Decision,
    Effect,
    IDocumentEvaluator,
    ISelectiveEvaluator,
    PolicyRequest,
    S3Response,
)
from z4tw.model.control import ANONYMOUS, Bucket, Principal
from z4tw.ops.authorize import Access, action_of, built_in, check_expected_owner
from z4tw.ops.context import Context
from z4tw.ops.directory import Directory
from z4tw.ops.table import OPERATIONS
from z4tw.policy.acl import AclEvaluator
from z4tw.policy.bucket_policy import BucketPolicyEvaluator
from z4tw.policy.grants import READ_ACTIONS, GrantsEvaluator
from z4tw.s3.call import S3Call

ROLES = (
    "anonymous", "stranger", "read", "write", "owner", "account", "admin",
    "bare", "member", "below", "limited", "lent", "guest", "trusted", "ally",
)  # fmt: skip
"""``read``, ``write`` and ``owner`` have that grant; ``account`` is the bucket owner's. ``bare``,
``member`` and ``below`` are users of that account: without a policy, with one that allows
everything, and with a grant to read. ``limited`` is a key of the owner with a policy for reading,
``lent`` a session of the owner with such a policy; ``guest`` a user of another account whose own
policy allows everything, ``trusted`` one that has a grant to read and no policy, ``ally`` one that
has both."""
OWNERS = {"owner", "account", "admin", "member"}
READERS = {"read", "ally", "below", "limited", "lent", *OWNERS}
WRITERS = {"write", *OWNERS}
BOTH = READERS | WRITERS
KNOWN = set(ROLES) - {"anonymous", "bare", "below", "limited", "lent", "trusted"}
READ_POLICY = json.dumps(
    {"Statement": {"Effect": "Allow", "Action": sorted(READ_ACTIONS), "Resource": "*"}}
)
ALL_POLICY = json.dumps({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})

TAGGING = b"<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>"
VERSIONING = (
    f'<VersioningConfiguration xmlns="{NS[1:-1]}"><Status>Enabled</Status></Versioning'
    "Configuration>"
)
PRIVATE = {"x-amz-acl": "private"}
PUBLIC = {"x-amz-acl": "public-read"}
POLICY = (
    b'{"Statement": {"Effect": "Deny", "Principal": {"AWS": "000000000001"},'
    b' "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket"}}'
)
BLOCK = b"<PublicAccessBlockConfiguration/>"
OWNERSHIP = (
    b"<OwnershipControls><Rule><ObjectOwnership>BucketOwnerPreferred</ObjectOwnership></Rule>"
    b"</OwnershipControls>"
)
CORS = (
    b"<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET"
    b"</AllowedMethod></CORSRule></CORSConfiguration>"
)
WEBSITE = (
    b"<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument>"
    b"</WebsiteConfiguration>"
)
LIFECYCLE = (
    b"<LifecycleConfiguration><Rule><Filter/><Status>Enabled</Status>"
    b"<Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>"
)
BLOCKING = (
    b"<ServerSideEncryptionConfiguration><Rule><BlockedEncryptionTypes><EncryptionType>SSE-C"
    b"</EncryptionType></BlockedEncryptionTypes></Rule></ServerSideEncryptionConfiguration>"
)
ENCRYPTION = (
    b"<ObjectEncryption><SSE-KMS><KMSKeyArn>arn:aws:kms:us-east-1:000000000000:key/orders"
    b"</KMSKeyArn></SSE-KMS></ObjectEncryption>"
)
DELETE = b"<Delete><Object><Key>key</Key></Object></Delete>"
DELETE_VERSION = "<Delete><Object><Key>key</Key><VersionId>{version}</VersionId></Object></Delete>"
COMPLETE = (
    "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
    "</CompleteMultipartUpload>"
)


LOCK = (
    "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>"
    "</ObjectLockConfiguration>"
)
UNTIL = "2099-01-01T00:00:00Z"
RETENTION = (
    f"<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>{UNTIL}</RetainUntilDate></Retention>"
)
LOCKED = {"x-amz-bucket-object-lock-enabled": "true"}
HOLD = "<LegalHold><Status>ON</Status></LegalHold>"
RENAMED = {"x-amz-rename-source": "key"}
COPIED = {"x-amz-copy-source": "/bucket/key"}
HELD = {"x-amz-object-lock-legal-hold": "ON", "content-md5": "jXd/OF09/siBXSD3SWAm3A=="}
RETAINED = {
    "x-amz-object-lock-mode": "GOVERNANCE",
    "x-amz-object-lock-retain-until-date": UNTIL,
    "content-md5": "jXd/OF09/siBXSD3SWAm3A==",
}

NOT_THERE = (
    "",
    "NoSuchKey",
    "NoSuchObjectLockConfiguration",
    "NoSuchConfiguration",
    "NoSuchTagSet",
    "ReplicationConfigurationNotFoundError",
    "NoSuchVersion",
    "NoSuchBucketPolicy",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchAnnotation",
    "NoSuchCORSConfiguration",
    "NoSuchLifecycleConfiguration",
    "NoSuchWebsiteConfiguration",
    "BucketNotEmpty",
)


NOTE = "annotation&annotationName=note"


class Cell(NamedTuple):
    """One way to ask for an operation; texts may name {version}, {upload} and {etag}."""

    operation: str
    method: str
    target: str
    allowed: set[str]
    body: bytes | str = b""
    headers: dict[str, str] = {}


CELLS = (
    Cell("ListBuckets", "GET", "/", KNOWN),
    Cell("CreateBucket", "PUT", "/another", KNOWN),
    Cell("HeadBucket", "HEAD", "/bucket", READERS),
    Cell("DeleteBucket", "DELETE", "/bucket", OWNERS),
    Cell("GetBucketLocation", "GET", "/bucket?location", BOTH),
    Cell("GetBucketVersioning", "GET", "/bucket?versioning", READERS),
    Cell("PutBucketVersioning", "PUT", "/bucket?versioning", OWNERS, VERSIONING),
    Cell("GetBucketTagging", "GET", "/bucket?tagging", READERS),
    Cell("PutBucketTagging", "PUT", "/bucket?tagging", OWNERS, TAGGING),
    Cell("DeleteBucketTagging", "DELETE", "/bucket?tagging", OWNERS),
    Cell("GetBucketAcl", "GET", "/bucket?acl", OWNERS),
    Cell("PutBucketAcl", "PUT", "/bucket?acl", OWNERS, headers=PRIVATE),
    Cell("GetBucketCors", "GET", "/bucket?cors", OWNERS),
    Cell("PutBucketCors", "PUT", "/bucket?cors", OWNERS, CORS),
    Cell("DeleteBucketCors", "DELETE", "/bucket?cors", OWNERS),
    Cell("GetBucketWebsite", "GET", "/bucket?website", OWNERS),
    Cell("PutBucketWebsite", "PUT", "/bucket?website", OWNERS, WEBSITE),
    Cell("DeleteBucketWebsite", "DELETE", "/bucket?website", OWNERS),
    Cell("GetBucketLifecycleConfiguration", "GET", "/bucket?lifecycle", OWNERS),
    Cell("PutBucketLifecycleConfiguration", "PUT", "/bucket?lifecycle", OWNERS, LIFECYCLE),
    Cell("DeleteBucketLifecycle", "DELETE", "/bucket?lifecycle", OWNERS),
    Cell("GetBucketPolicy", "GET", "/bucket?policy", OWNERS),
    Cell("GetBucketPolicyStatus", "GET", "/bucket?policyStatus", OWNERS),
    Cell("PutBucketPolicy", "PUT", "/bucket?policy", OWNERS, POLICY),
    Cell("DeleteBucketPolicy", "DELETE", "/bucket?policy", OWNERS),
    Cell("GetPublicAccessBlock", "GET", "/bucket?publicAccessBlock", OWNERS),
    Cell("PutPublicAccessBlock", "PUT", "/bucket?publicAccessBlock", OWNERS, BLOCK),
    Cell("DeletePublicAccessBlock", "DELETE", "/bucket?publicAccessBlock", OWNERS),
    Cell("GetBucketOwnershipControls", "GET", "/bucket?ownershipControls", OWNERS),
    Cell("PutBucketOwnershipControls", "PUT", "/bucket?ownershipControls", OWNERS, OWNERSHIP),
    Cell("DeleteBucketOwnershipControls", "DELETE", "/bucket?ownershipControls", OWNERS),
    Cell("GetBucketEncryption", "GET", "/bucket?encryption", OWNERS),
    Cell("PutBucketEncryption", "PUT", "/bucket?encryption", OWNERS, BLOCKING),
    Cell("DeleteBucketEncryption", "DELETE", "/bucket?encryption", OWNERS),
    Cell("ListObjects", "GET", "/bucket", READERS),
    Cell("ListObjectsV2", "GET", "/bucket?list-type=2", READERS),
    Cell("ListObjectVersions", "GET", "/bucket?versions", READERS),
    Cell("ListMultipartUploads", "GET", "/bucket?uploads", BOTH),
    Cell("GetObject", "GET", "/bucket/key", READERS),
    Cell("GetObject", "GET", "/bucket/missing", READERS),
    Cell("GetObject", "GET", "/bucket/key?versionId={version}", READERS),
    Cell("HeadObject", "HEAD", "/bucket/key", READERS),
    Cell("HeadObject", "HEAD", "/bucket/missing", READERS),
    Cell("HeadObject", "HEAD", "/bucket/key?versionId={version}", READERS),
    Cell(
        "GetObjectAttributes",
        "GET",
        "/bucket/key?attributes",
        READERS,
        headers={"x-amz-object-attributes": "ETag"},
    ),
    Cell(
        "GetObjectAttributes",
        "GET",
        "/bucket/key?attributes&versionId={version}",
        READERS,
        headers={"x-amz-object-attributes": "ETag"},
    ),
    Cell("PutObject", "PUT", "/bucket/key", WRITERS, b"data"),
    Cell("PutObject", "PUT", "/bucket/key", WRITERS, b"data", {"x-amz-tagging": "a=1"}),
    Cell("DeleteObject", "DELETE", "/bucket/key", WRITERS),
    Cell("DeleteObject", "DELETE", "/bucket/key?versionId={version}", WRITERS),
    Cell("DeleteObjects", "POST", "/bucket?delete", WRITERS, DELETE),
    Cell("DeleteObjects", "POST", "/bucket?delete", WRITERS, DELETE_VERSION),
    Cell("PutObject", "PUT", "/bucket/new", WRITERS, b"data", PUBLIC),
    Cell("GetObjectAcl", "GET", "/bucket/key?acl", OWNERS),
    Cell("GetObjectAcl", "GET", "/bucket/key?acl&versionId={version}", OWNERS),
    Cell("PutObjectAcl", "PUT", "/bucket/key?acl", OWNERS, headers=PRIVATE),
    Cell("PutObjectAcl", "PUT", "/bucket/key?acl&versionId={version}", OWNERS, headers=PRIVATE),
    Cell("GetObjectTagging", "GET", "/bucket/key?tagging", READERS),
    Cell("GetObjectTagging", "GET", "/bucket/key?tagging&versionId={version}", READERS),
    Cell("PutObjectTagging", "PUT", "/bucket/key?tagging", WRITERS, TAGGING),
    Cell("PutObjectTagging", "PUT", "/bucket/key?tagging&versionId={version}", WRITERS, TAGGING),
    Cell("DeleteObjectTagging", "DELETE", "/bucket/key?tagging", WRITERS),
    Cell("DeleteObjectTagging", "DELETE", "/bucket/key?tagging&versionId={version}", WRITERS),
    Cell("UpdateObjectEncryption", "PUT", "/bucket/key?encryption", OWNERS, ENCRYPTION),
    Cell("CopyObject", "PUT", "/bucket/copy", OWNERS, headers={"x-amz-copy-source": "/bucket/key"}),
    Cell("GetBucketNotificationConfiguration", "GET", "/bucket?notification", OWNERS),
    Cell(
        "PutBucketNotificationConfiguration",
        "PUT",
        "/bucket?notification",
        OWNERS,
        b"<NotificationConfiguration/>",
    ),
    Cell("GetBucketLogging", "GET", "/bucket?logging", OWNERS),
    Cell("PutBucketLogging", "PUT", "/bucket?logging", OWNERS, b"<BucketLoggingStatus/>"),
    Cell("PutObjectAnnotation", "PUT", f"/bucket/key?{NOTE}", WRITERS, b"text"),
    Cell("PutObjectAnnotation", "PUT", f"/bucket/key?{NOTE}&versionId={{version}}", WRITERS, b"x"),
    Cell("GetObjectAnnotation", "GET", f"/bucket/key?{NOTE}", READERS),
    Cell("GetObjectAnnotation", "GET", f"/bucket/key?{NOTE}&versionId={{version}}", READERS),
    Cell("ListObjectAnnotations", "GET", "/bucket/key?annotation", READERS),
    Cell("DeleteObjectAnnotation", "DELETE", f"/bucket/key?{NOTE}", WRITERS),
    *[
        Cell(name, "GET", f"/bucket?{query}", OWNERS)
        for name, query in (
            ("GetBucketAccelerateConfiguration", "accelerate"),
            ("GetBucketReplication", "replication"),
            ("GetBucketRequestPayment", "requestPayment"),
            ("GetBucketAnalyticsConfiguration", "analytics&id=x"),
            ("GetBucketIntelligentTieringConfiguration", "intelligent-tiering&id=x"),
            ("GetBucketInventoryConfiguration", "inventory&id=x"),
            ("GetBucketMetricsConfiguration", "metrics&id=x"),
            ("ListBucketAnalyticsConfigurations", "analytics"),
            ("ListBucketIntelligentTieringConfigurations", "intelligent-tiering"),
            ("ListBucketInventoryConfigurations", "inventory"),
            ("ListBucketMetricsConfigurations", "metrics"),
        )
    ],
    Cell("RenameObject", "PUT", "/bucket/new?renameObject", OWNERS, headers=RENAMED),
    Cell("GetObjectLockConfiguration", "GET", "/bucket?object-lock", READERS),
    Cell("PutObjectLockConfiguration", "PUT", "/bucket?object-lock", OWNERS, LOCK),
    Cell("GetObjectRetention", "GET", "/bucket/key?retention", READERS),
    Cell("GetObjectRetention", "GET", "/bucket/key?retention&versionId={version}", READERS),
    Cell("PutObjectRetention", "PUT", "/bucket/key?retention", OWNERS, RETENTION),
    Cell("PutObjectRetention", "PUT", "/bucket/key?retention&versionId=null", OWNERS, RETENTION),
    Cell("GetObjectLegalHold", "GET", "/bucket/key?legal-hold", READERS),
    Cell("PutObjectLegalHold", "PUT", "/bucket/key?legal-hold", OWNERS, HOLD),
    Cell("PutObject", "PUT", "/bucket/key", OWNERS, b"data", RETAINED),
    Cell("PutObject", "PUT", "/bucket/key", OWNERS, b"data", HELD),
    Cell("CopyObject", "PUT", "/bucket/copy", OWNERS, headers={**COPIED, **RETAINED}),
    Cell("CreateMultipartUpload", "POST", "/bucket/key?uploads", OWNERS, headers=HELD),
    Cell(
        "CreateBucket",
        "PUT",
        "/another",
        KNOWN,
        headers=LOCKED,
    ),
    Cell("CreateMultipartUpload", "POST", "/bucket/key?uploads", WRITERS),
    Cell("CreateMultipartUpload", "POST", "/bucket/key?uploads", WRITERS, headers=PUBLIC),
    Cell("UploadPart", "PUT", "/bucket/up?uploadId={upload}&partNumber=1", WRITERS, b"data"),
    Cell(
        "UploadPartCopy",
        "PUT",
        "/bucket/up?uploadId={upload}&partNumber=2",
        OWNERS,
        headers={"x-amz-copy-source": "/bucket/key"},
    ),
    Cell("ListParts", "GET", "/bucket/up?uploadId={upload}", BOTH),
    Cell("CompleteMultipartUpload", "POST", "/bucket/up?uploadId={upload}", WRITERS, COMPLETE),
    Cell("AbortMultipartUpload", "DELETE", "/bucket/up?uploadId={upload}", WRITERS),
)


def test_the_matrix_has_every_operation() -> None:
    # Who may upload by a form, which authenticates by its fields, stands in test_forms.
    assert {cell.operation for cell in CELLS} | {"PostObject"} == set(OPERATIONS)


def prepared() -> tuple[Harness, dict[str, str]]:
    harness = EncryptedHarness()
    harness.bucket(versioning="Enabled")
    harness.request("PUT", "/bucket?object-lock", body=LOCK.encode())
    version = harness.put("/bucket/key").headers["x-amz-version-id"]
    upload = harness.request("POST", "/bucket/up?uploads").text("UploadId") or ""
    part = harness.put(f"/bucket/up?uploadId={upload}&partNumber=1")
    return harness, {"version": version, "upload": upload, "etag": part.headers["etag"]}


def key_of(harness: Harness, role: str) -> Key | None:
    if role == "anonymous":
        return None
    if role == "account":
        return harness.user
    if role == "admin":
        return harness.admin_key
    if role in ("bare", "member", "below"):
        key = harness.user_key(role, "user")
        if role == "member":
            run(harness.admin.user_policy_put(role, ALL_POLICY))
        if role == "below":
            run(harness.admin.bucket_allow("bucket", key.name, read=True))
        return key
    if role == "limited":
        key = harness.user_key(None, "user")
        run(harness.admin.key_policy_put(key.name, READ_POLICY))
        return key
    if role == "lent":
        return harness.session(harness.user, policy=READ_POLICY)
    if role in ("guest", "trusted", "ally"):
        harness.key("elsewhere")
        key = harness.user_key(role, "elsewhere")
        if role != "trusted":
            run(harness.admin.user_policy_put(role, ALL_POLICY))
        if role != "guest":
            run(harness.admin.bucket_allow("bucket", key.name, read=True))
        return key
    key = harness.key(role)
    if role != "stranger":
        run(harness.admin.bucket_allow("bucket", role, **{role: True}))
    return key


def ask(harness: Harness, cell: Cell, key: Key | None, names: dict[str, str]) -> Answer:
    body = cell.body
    if isinstance(body, str):
        body = body.format(**names).encode()
    target = cell.target.format(**names)
    return harness.request(
        cell.method, target, headers=cell.headers, body=body, key=key, sign=key is not None
    )


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell.operation}:{cell.target}")
def test_every_operation_by_every_role(cell: Cell, role: str) -> None:
    harness, names = prepared()
    answer = ask(harness, cell, key_of(harness, role), names)
    assert answer.exchange.operation == cell.operation
    denied = answer.error == "AccessDenied" or b"<Code>AccessDenied</Code>" in answer.body
    assert denied == (role not in cell.allowed), answer
    if answer.error == "AccessDenied":
        assert not answer.exchange.body.touched
    if not denied:
        assert answer.error in NOT_THERE, answer


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell.operation}:{cell.target}")
def test_no_operation_is_done_with_a_wrong_signature(cell: Cell) -> None:
    harness, names = prepared()
    for forged in (harness.user, harness.admin_key):
        answer = ask(harness, cell, forged._replace(secret="guessed"), names)
        assert (answer.status, answer.error) == (403, "SignatureDoesNotMatch")
        assert not answer.exchange.body.touched


@pytest.mark.parametrize("role", ["anonymous", "stranger", "read"])
def test_who_may_not_write_changes_nothing(role: str) -> None:
    harness, names = prepared()
    key = key_of(harness, role)
    everything = harness.request("GET", "/bucket?versions").body
    uploads = harness.request("GET", "/bucket?uploads").body
    settings = run(harness.admin.bucket_info("bucket"))
    for cell in CELLS:
        if role not in cell.allowed:
            ask(harness, cell, key, names)
    assert harness.request("GET", "/bucket?versions").body == everything
    assert harness.request("GET", "/bucket?uploads").body == uploads
    assert run(harness.admin.bucket_info("bucket")) == settings


def test_a_grant_on_one_bucket_is_none_on_another() -> None:
    harness, _ = prepared()
    harness.bucket("other")
    harness.put("/other/key")
    owner = key_of(harness, "owner")
    assert harness.request("GET", "/other/key", key=owner).error == "AccessDenied"
    assert harness.request("PUT", "/other/key", body=b"x", key=owner).error == "AccessDenied"
    copy = {"x-amz-copy-source": "/other/key"}
    assert harness.request("PUT", "/bucket/copy", headers=copy, key=owner).error == "AccessDenied"


# Actions


def call(operation: str, query: dict[str, str] | None = None, **headers: str) -> S3Call:
    return S3Call(operation, "bucket", "key", query or {}, headers, False)


@pytest.mark.parametrize(
    ("operation", "plain", "versioned"),
    [
        ("GetObject", "s3:GetObject", "s3:GetObjectVersion"),
        ("HeadObject", "s3:GetObject", "s3:GetObjectVersion"),
        ("DeleteObject", "s3:DeleteObject", "s3:DeleteObjectVersion"),
        ("GetObjectTagging", "s3:GetObjectTagging", "s3:GetObjectVersionTagging"),
        ("PutObjectTagging", "s3:PutObjectTagging", "s3:PutObjectVersionTagging"),
        ("DeleteObjectTagging", "s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"),
        ("GetObjectAttributes", "s3:GetObjectAttributes", "s3:GetObjectVersionAttributes"),
        ("PutObject", "s3:PutObject", "s3:PutObject"),
    ],
)
def test_a_version_id_needs_the_versions_action(operation: str, plain: str, versioned: str) -> None:
    assert action_of(call(operation)) == plain
    assert action_of(call(operation, {"versionId": "null"})) == versioned


class Noting:
    """An evaluator that allows what it is told, denies some, and notes what it was asked."""

    def __init__(self, allow: set[str], deny: set[str] | None = None) -> None:
        self.allow = allow
        self.deny = deny or set()
        self.asked: list[PolicyRequest] = []

    def evaluate(self, request: PolicyRequest) -> Decision:
        self.asked.append(request)
        if request.action in self.deny:
            return Decision(Effect.DENY, "denied by test")
        return Decision(Effect.ALLOW if request.action in self.allow else Effect.ABSTAIN, "test")


@pytest.mark.parametrize(
    ("method", "target", "headers", "needed"),
    [
        ("PUT", "/bucket/key", {"x-amz-tagging": "a=1"}, {"s3:PutObject", "s3:PutObjectTagging"}),
        (
            "POST",
            "/bucket/key?uploads",
            {"x-amz-tagging": "a=1"},
            {"s3:PutObject", "s3:PutObjectTagging"},
        ),
        (
            "GET",
            "/bucket/key?attributes",
            {"x-amz-object-attributes": "ETag"},
            {"s3:GetObject", "s3:GetObjectAttributes"},
        ),
        (
            "GET",
            "/bucket/key?attributes&versionId=null",
            {"x-amz-object-attributes": "ETag"},
            {"s3:GetObjectVersion", "s3:GetObjectVersionAttributes"},
        ),
        (
            "PUT",
            "/bucket/copy",
            {"x-amz-copy-source": "/bucket/key"},
            {"s3:GetObject", "s3:PutObject"},
        ),
        (
            "PUT",
            "/bucket/copy",
            {"x-amz-copy-source": "/bucket/key?versionId=null"},
            {"s3:GetObjectVersion", "s3:PutObject"},
        ),
    ],
)
def test_some_operations_need_two_actions(
    method: str, target: str, headers: dict[str, str], needed: set[str]
) -> None:
    for lacking in (set(), *({one} for one in sorted(needed))):
        evaluator = Noting(needed - lacking)
        harness = Harness(evaluators=[evaluator])
        harness.bucket()
        harness.put("/bucket/key")
        stranger = harness.key("stranger")
        answer = harness.request(method, target, headers=headers, key=stranger)
        assert answer.error == ("AccessDenied" if lacking else ""), (lacking, answer)


def test_each_key_of_a_deletion_is_judged_by_itself() -> None:
    class OnlyA:
        def evaluate(self, request: PolicyRequest) -> Decision:
            mine = request.action == "s3:DeleteObject" and request.key == "a"
            return Decision(Effect.ALLOW if mine else Effect.ABSTAIN, "")

    harness = Harness(evaluators=[OnlyA()])
    harness.bucket()
    for key in "ab":
        harness.put(f"/bucket/{key}")
    body = b"<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object></Delete>"
    answer = harness.request("POST", "/bucket?delete", body=body, key=harness.key("stranger"))
    assert answer.texts("Deleted/Key") == ["a"]
    assert answer.texts("Error/Key") == ["b"]
    assert answer.texts("Error/Code") == ["AccessDenied"]
    assert harness.request("GET", "/bucket").texts("Contents/Key") == ["b"]


# Deciding

OWNER = Principal("o" * 64, "000000000001", "owner", "o" * 64, "owner", "Z4OWNER")
ADMIN = Principal("a" * 64, "000000000002", "admin", "a" * 64, "admin", "Z4ADMIN", True, True)
PLAIN = Principal("p" * 64, "000000000003", "p", "p" * 64, "p", "Z4PLAIN", False, True)
BUCKET = Bucket(bytes(20), "bucket", 1, "o" * 64, 0, "us-east-1")


@pytest.mark.parametrize(
    ("principal", "action", "bucket", "allowed"),
    [
        (ADMIN, "s3:GetObject", BUCKET, True),
        (ADMIN, "s3:CreateBucket", None, True),
        (OWNER, "s3:DeleteBucket", BUCKET, True),
        (OWNER, "s3:CreateBucket", None, False),
        (PLAIN, "s3:CreateBucket", None, True),
        (PLAIN, "s3:GetObject", BUCKET, False),
        (PLAIN, "s3:ListAllMyBuckets", None, True),
        (ANONYMOUS, "s3:ListAllMyBuckets", None, False),
        (ANONYMOUS, "s3:CreateBucket", None, False),
        (ANONYMOUS, "s3:GetObject", BUCKET, False),
    ],
)
def test_the_built_in_rules(
    principal: Principal, action: str, bucket: Bucket | None, allowed: bool
) -> None:
    assert (built_in(principal, action, bucket) is not None) == allowed


def context_for(evaluators: list[Any], method: str, target: str, **arguments: Any) -> Context:
    kept: list[Context] = []

    async def keep(context: Context) -> S3Response:
        kept.append(context)
        return S3Response(200)

    harness = Harness(evaluators=evaluators, operations={"GetObject": keep, "ListObjects": keep})
    harness.bucket()
    assert harness.request(method, target, **arguments).status == 200
    return kept[0]


def test_deny_wins_then_allow_and_silence_is_denial() -> None:
    context = context_for([GrantsEvaluator()], "GET", "/bucket/key")
    bucket = context.require_bucket()
    stranger = Principal("p" * 64, "000000000003", "p", "p" * 64, "p", "Z4PLAIN")
    context.principal = stranger

    def decide(*evaluators: Any) -> Decision:
        return Access(evaluators).decide(context, "s3:GetObject", bucket, "key")

    allow, deny, silent = Noting({"s3:GetObject"}), Noting(set(), {"s3:GetObject"}), Noting(set())
    assert decide().effect is Effect.DENY
    assert decide(silent).effect is Effect.DENY
    assert decide(silent, allow).effect is Effect.ALLOW
    assert decide(allow, deny).effect is Effect.DENY
    assert decide(allow, deny).reason == "denied by test"
    assert decide(deny, allow).effect is Effect.DENY


def test_every_decision_has_a_reason() -> None:
    context = context_for([GrantsEvaluator()], "GET", "/bucket/key")
    for evaluators in ([], [GrantsEvaluator()], [Noting({"s3:GetObject"})]):
        for action in ("s3:GetObject", "s3:PutObject"):
            decision = Access(evaluators).decide(context, action, context.bucket, "key")
            assert decision.effect is not Effect.ABSTAIN
            assert decision.reason


@implementer(ISelectiveEvaluator)
class Selective(Noting):
    """Never denies; allows reading what has the tag ``public``, once it sees the version."""

    def may_deny(self, principal: Principal, bucket: Bucket | None) -> bool:
        return False

    def needs_version(self, request: PolicyRequest) -> bool:
        return True

    def evaluate(self, request: PolicyRequest) -> Decision:
        super().evaluate(request)
        if request.version is not None and "public" in request.version.tags:
            return Decision(Effect.ALLOW, "it is public")
        return Decision(Effect.ABSTAIN, "it is not public")


@implementer(IDocumentEvaluator)
class Reading(Noting):
    """Denies making a bucket that is not placed where it says, which the document tells."""

    def may_deny(self, principal: Principal, bucket: Bucket | None) -> bool:
        return True

    def needs_version(self, request: PolicyRequest) -> bool:
        return False

    def needs_document(self, request: PolicyRequest) -> bool:
        return request.action == "s3:CreateBucket"

    def evaluate(self, request: PolicyRequest) -> Decision:
        super().evaluate(request)
        if request.action != "s3:CreateBucket":
            return Decision(Effect.ABSTAIN, "it is about something else")
        placed = request.context.get("s3:LocationConstraint") == "us-east-1"
        return Decision(Effect.ABSTAIN if placed else Effect.DENY, "test")


def test_an_evaluator_may_see_the_document_before_it_decides() -> None:
    harness = Harness(evaluators=[Reading(set())])
    placed = (
        b"<CreateBucketConfiguration><LocationConstraint>us-east-1</LocationConstraint>"
        b"</CreateBucketConfiguration>"
    )
    for key in (harness.user, harness.admin_key):
        assert harness.request("PUT", "/placed", body=placed, key=key).status in (200, 409)
        assert harness.request("PUT", "/another", key=key).error == "AccessDenied"
        answer = harness.request("PUT", "/another", body=placed.replace(b"us-east-1", b""), key=key)
        assert answer.error == "AccessDenied"
    # Who may make no buckets is not helped by a document.
    barred = harness.key("barred", may_create_buckets=False)
    assert harness.request("PUT", "/mine", body=placed, key=barred).error == "AccessDenied"
    assert harness.anonymous("PUT", "/mine", body=placed).error == "AccessDenied"
    assert harness.request("GET", "/").texts("Buckets/Bucket/Name") == ["placed"]


def test_where_the_owner_rule_allows_only_evaluators_that_may_deny_are_asked() -> None:
    noting = Noting(set())
    quiet = Selective(set())
    context_for([noting, quiet], "GET", "/bucket/key")
    assert "s3:GetObject" in [request.action for request in noting.asked]
    assert quiet.asked == []


def test_an_evaluator_may_see_the_version_before_it_decides() -> None:
    selective = Selective(set())
    harness = Harness(evaluators=[selective])
    harness.bucket()
    stranger = harness.key("stranger")
    harness.put("/bucket/open", headers={"x-amz-tagging": "public=1"})
    harness.put("/bucket/closed")
    assert harness.request("GET", "/bucket/open", key=stranger).status == 200
    assert selective.asked[-1].version is not None
    copy = {
        "x-amz-copy-source": "/bucket/open",
        "x-amz-metadata-directive": "REPLACE",
        "x-amz-tagging-directive": "REPLACE",
    }
    assert harness.request("PUT", "/bucket/open", headers=copy, key=stranger).error == ""
    for target in ("closed", "absent", "closed?versionId=null", "closed?versionId=nonsense"):
        answer = harness.request("GET", f"/bucket/{target}", key=stranger)
        assert answer.error == "AccessDenied", target
    assert selective.asked[-1].version is None


def test_the_permission_holds_for_the_version_that_was_judged_and_no_other() -> None:
    selective = Selective(set())
    harness = Harness(evaluators=[selective])
    harness.bucket()
    stranger = harness.key("stranger")
    harness.put("/bucket/key", headers={"x-amz-tagging": "public=1"})
    evaluate = selective.evaluate

    def replaced_at_once(request: PolicyRequest) -> Decision:
        decision = evaluate(request)
        if decision.effect is Effect.ALLOW:
            selective.evaluate = evaluate  # type: ignore[method-assign]
            harness.put("/bucket/key", b"secret")
        return decision

    selective.evaluate = replaced_at_once  # type: ignore[method-assign]
    assert harness.request("GET", "/bucket/key", key=stranger).error == "AccessDenied"


def test_evaluators_get_the_condition_keys() -> None:
    noting = Noting(set())
    context = context_for(
        [noting],
        "GET",
        "/bucket?prefix=a&delimiter=/&max-keys=5",
        headers={
            "user-agent": "test/1",
            "referer": "http://x/",
            "x-amz-request-payer": "requester",
        },
    )
    request = noting.asked[-1]
    assert request.action == "s3:ListBucket"
    assert request.bucket_name == "bucket"
    assert request.bucket == context.bucket
    keys = dict(request.context)
    assert keys["aws:SourceIp"] == "127.0.0.1"
    assert keys["aws:SecureTransport"] == "false"
    assert keys["aws:UserAgent"] == "test/1"
    assert keys["aws:Referer"] == "http://x/"
    assert (keys["s3:prefix"], keys["s3:delimiter"], keys["s3:max-keys"]) == ("a", "/", "5")
    assert keys["aws:username"] == "user"
    assert keys["s3:authType"] == "REST-HEADER"
    assert keys["s3:x-amz-request-payer"] == "requester"
    assert keys["aws:EpochTime"].isdigit()


def test_a_presigned_request_is_told_from_a_header_signed_one() -> None:
    noting = Noting(set())
    context_for([noting], "GET", "/bucket/key?versionId=null", presign=True)
    keys = noting.asked[-1].context
    assert keys["s3:authType"] == "REST-QUERY-STRING"
    assert keys["s3:VersionId"] == "null"


def test_the_expected_owner_is_an_account_number() -> None:
    harness = Harness()
    harness.bucket()
    directory = Directory(harness.store)
    bucket = run(directory.bucket("bucket"))
    run(check_expected_owner(directory, bucket, harness.user.account_number))
    with pytest.raises(AccessDenied):
        run(check_expected_owner(directory, bucket, harness.admin_key.account_number))
    for bad in ("", "123", "a" * 12, "\u0661" * 12, "1" * 13):
        with pytest.raises(InvalidBucketOwnerAWSAccountID):
            run(check_expected_owner(directory, bucket, bad))


def test_what_is_allowed_to_an_account_reaches_its_users_by_their_own_policies() -> None:
    harness = Harness(evaluators=[AclEvaluator(), BucketPolicyEvaluator()])
    harness.bucket()
    harness.put("/bucket/key")
    other = harness.key("other")
    users = {
        "theirs": harness.user_key("theirs", "other"),
        "ours": harness.user_key("ours", "user"),
    }

    def reads(name: str) -> bool:
        return harness.request("GET", "/bucket/key", key=users[name]).status == 200

    def put_policy(*principals: str) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": list(principals)},
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::bucket/*",
        }
        body = json.dumps({"Statement": statement}).encode()
        assert harness.request("PUT", "/bucket?policy", body=body).error == ""

    for name in users:
        put_policy(other.account_number, harness.user.account_number)
        assert harness.request("GET", "/bucket/key", key=other).status == 200
        assert not reads(name)
        run(harness.admin.user_policy_put(name, READ_POLICY))
        assert reads(name)
        run(harness.admin.user_policy_delete(name))
    put_policy(*(f"arn:aws:iam::{key.account_number}:user/{n}" for n, key in users.items()))
    assert reads("ours")
    assert not reads("theirs")
    run(harness.admin.user_policy_put("theirs", READ_POLICY))
    assert reads("theirs")
    harness.request("DELETE", "/bucket?policy")
    assert not reads("theirs")
    grant = {"x-amz-grant-read": f'id="{other.account_id}"'}
    assert harness.request("PUT", "/bucket/key?acl", headers=grant).error == ""
    assert reads("theirs")
    run(harness.admin.user_policy_delete("theirs"))
    assert not reads("theirs")


def test_a_deny_of_the_bucket_binds_users_whose_policies_allow() -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key")
    bob = harness.user_key("bob", "user")
    run(harness.admin.user_policy_put("bob", ALL_POLICY))
    assert harness.request("GET", "/bucket/key", key=bob).status == 200
    statement = {
        "Effect": "Deny",
        "Principal": {"AWS": f"arn:aws:iam::{bob.account_number}:user/bob"},
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::bucket/*",
    }
    body = json.dumps({"Statement": statement}).encode()
    harness.request("PUT", "/bucket?policy", body=body)
    assert harness.request("GET", "/bucket/key", key=bob).error == "AccessDenied"
    assert harness.request("GET", "/bucket/key").status == 200


def test_tags_that_a_request_sets_are_judged_by_the_users_policies_too() -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key")
    bob = harness.user_key("bob", "user")
    statement = {
        "Effect": "Allow",
        "Action": "s3:PutObjectTagging",
        "Resource": "*",
        "Condition": {"StringEquals": {"s3:RequestObjectTag/a": "1"}},
    }
    run(harness.admin.user_policy_put("bob", json.dumps({"Statement": statement})))
    good = harness.request("PUT", "/bucket/key?tagging", body=TAGGING, key=bob)
    assert good.status == 200
    other = TAGGING.replace(b"<Value>1", b"<Value>2")
    assert harness.request("PUT", "/bucket/key?tagging", body=other, key=bob).error == (
        "AccessDenied"
    )
