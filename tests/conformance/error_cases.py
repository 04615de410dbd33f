"""The table of errors: (operation, code, status, trigger, request), as data.

Every row is run over real HTTP by ``test_error_table.py``, and ``tools/error_coverage.py`` makes
``doc/errors.rst`` of it. Names in braces are those of ``world.py``.
Source: the Errors sections of the S3 API reference, botocore's model, and the list of codes at
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html

Longer than 400 lines because it is a flat table.
"""

# fmt: off

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from tests.conformance.raw import LITERAL, SIGNED_CHUNKS, SIGNED_TRAILER, UNSIGNED, UNSIGNED_TRAILER
from tests.conformance.world import (
    BLOCK,
    BLOCKING,
    ENABLED,
    HOLD,
    LIFECYCLE,
    OWNERSHIP,
    POLICY,
    RETENTION,
    TAGS,
    WEBSITE,
    cors,
    encryption_rule,
    part_list,
    to_kms_key,
)
from z4tw.s3.operations import OPERATIONS, SUPPORTED


class Recipe(NamedTuple):
    """A request to be built. ``how`` says how it is signed (see ``test_error_table.signed``);
    ``who`` signs it: alice owns ``bucket`` and ``versioned``, bob nothing, carol ``foreign``."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = {}
    body: str | bytes = b""
    how: str = "header"
    who: str = "alice"
    mode: str = LITERAL
    bad: str = ""
    declared_length: int | None = None
    trailers: dict[str, str] | None = None
    chunks: Sequence[bytes] | None = None

    def plus(self, **headers: str) -> Recipe:
        """With more headers; ``_`` stands for ``-``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._replace(headers={**self.headers, **named})


class Row(NamedTuple):
    """``inside``: the error stands in a document of status 200, as those of single keys of
    DeleteObjects do. ``common``: the row is one of those that every operation has."""

    operation: str
    code: str
    status: int
    trigger: str
    recipe: Recipe
    inside: bool = False
    common: bool = False


CUSTOMER_KEY = {
    "x_amz_server_side_encryption_customer_algorithm": "AES256",
    "x_amz_server_side_encryption_customer_key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "x_amz_server_side_encryption_customer_key_MD5": "tP/LI3N87DFaSk0aoqYgzg==",
}
DELETE_ONE = "<Delete><Object><Key>object</Key></Object></Delete>"
COMPLETE = part_list((1, "{etag1}"))
OBJECT = "/{bucket}/object"
NOTE = "annotation&annotationName=note"
TO_KMS = to_kms_key("arn:aws:kms:us-east-1:000000000000:key/k")
PART = "partNumber=3&uploadId={upload}"

LOCKED = "/{locked}/object"
LOCK = (
    "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>{}"
    "</ObjectLockConfiguration>"
)
RULE = "<Rule><DefaultRetention>{}</DefaultRetention></Rule>"
RETAINED = "<Retention><Mode>{}</Mode><RetainUntilDate>{}</RetainUntilDate></Retention>"
CENTURY = "2099-01-01T00:00:00Z"
def logging(target: str, more: str = "") -> str:
    """The document of PutBucketLogging."""
    return (
        f"<BucketLoggingStatus><LoggingEnabled><TargetBucket>{target}</TargetBucket>"
        f"<TargetPrefix>p</TargetPrefix>{more}</LoggingEnabled></BucketLoggingStatus>"
    )


SINK = "arn:z4:sqs:::hook"
"""A sink that the server has."""


def notifying(*events: str, arn: str = "arn:aws:sqs:us-east-1:1:q", more: str = "") -> str:
    """The document of PutBucketNotificationConfiguration: one queue for each event."""
    queues = "".join(
        f"<QueueConfiguration><Queue>{arn}</Queue><Event>{event}</Event>{more}"
        "</QueueConfiguration>" for event in events
    )
    return f"<NotificationConfiguration>{queues}</NotificationConfiguration>"


UNCONFIGURED = {
    "GetBucketAccelerateConfiguration": "accelerate",
    "GetBucketAnalyticsConfiguration": "analytics&id=x",
    "GetBucketIntelligentTieringConfiguration": "intelligent-tiering&id=x",
    "GetBucketInventoryConfiguration": "inventory&id=x",
    "GetBucketMetricsConfiguration": "metrics&id=x",
    "GetBucketReplication": "replication",
    "GetBucketRequestPayment": "requestPayment",
    "ListBucketAnalyticsConfigurations": "analytics",
    "ListBucketIntelligentTieringConfigurations": "intelligent-tiering",
    "ListBucketInventoryConfigurations": "inventory",
    "ListBucketMetricsConfigurations": "metrics",
}
"""Operations that answer as a bucket where nobody configured it, with their queries."""

GOOD: dict[str, Recipe] = {
    **{name: Recipe("GET", "/{bucket}", query) for name, query in UNCONFIGURED.items()},
    "AbortMultipartUpload": Recipe("DELETE", "/{bucket}/parts", "uploadId={upload}"),
    "CompleteMultipartUpload": Recipe(
        "POST", "/{bucket}/parts", "uploadId={upload}", body=COMPLETE
    ),
    "CopyObject": Recipe("PUT", "/{bucket}/new", headers={"x-amz-copy-source": OBJECT}),
    "CreateBucket": Recipe("PUT", "/{absent}"),
    "CreateMultipartUpload": Recipe("POST", "/{bucket}/new", "uploads"),
    "DeleteBucket": Recipe("DELETE", "/{bucket}"),
    "DeleteBucketCors": Recipe("DELETE", "/{bucket}", "cors"),
    "DeleteBucketLifecycle": Recipe("DELETE", "/{bucket}", "lifecycle"),
    "DeleteBucketOwnershipControls": Recipe("DELETE", "/{bucket}", "ownershipControls"),
    "DeleteBucketPolicy": Recipe("DELETE", "/{versioned}", "policy"),
    "DeleteBucketEncryption": Recipe("DELETE", "/{bucket}", "encryption"),
    "DeleteBucketTagging": Recipe("DELETE", "/{bucket}", "tagging"),
    "DeleteBucketWebsite": Recipe("DELETE", "/{bucket}", "website"),
    "DeleteObject": Recipe("DELETE", OBJECT),
    "DeleteObjectAnnotation": Recipe("DELETE", OBJECT, NOTE),
    "DeleteObjectTagging": Recipe("DELETE", "/{bucket}/tagged", "tagging"),
    "DeleteObjects": Recipe("POST", "/{bucket}", "delete", body=DELETE_ONE),
    "DeletePublicAccessBlock": Recipe("DELETE", "/{versioned}", "publicAccessBlock"),
    "GetBucketAcl": Recipe("GET", "/{bucket}", "acl"),
    "GetBucketCors": Recipe("GET", "/{versioned}", "cors"),
    "GetBucketLifecycleConfiguration": Recipe("GET", "/{versioned}", "lifecycle"),
    "GetBucketEncryption": Recipe("GET", "/{versioned}", "encryption"),
    "GetBucketLocation": Recipe("GET", "/{bucket}", "location"),
    "GetBucketOwnershipControls": Recipe("GET", "/{bucket}", "ownershipControls"),
    "GetBucketPolicy": Recipe("GET", "/{versioned}", "policy"),
    "GetBucketPolicyStatus": Recipe("GET", "/{versioned}", "policyStatus"),
    "GetBucketLogging": Recipe("GET", "/{bucket}", "logging"),
    "GetBucketNotificationConfiguration": Recipe("GET", "/{bucket}", "notification"),
    "GetBucketTagging": Recipe("GET", "/{versioned}", "tagging"),
    "GetBucketVersioning": Recipe("GET", "/{bucket}", "versioning"),
    "GetBucketWebsite": Recipe("GET", "/{versioned}", "website"),
    "GetObject": Recipe("GET", OBJECT),
    "GetObjectAcl": Recipe("GET", OBJECT, "acl"),
    "GetObjectAnnotation": Recipe("GET", OBJECT, NOTE),
    "GetObjectAttributes": Recipe(
        "GET", OBJECT, "attributes", {"x-amz-object-attributes": "ETag,ObjectSize"}
    ),
    "GetObjectLegalHold": Recipe("GET", LOCKED, "legal-hold"),
    "GetObjectLockConfiguration": Recipe("GET", "/{locked}", "object-lock"),
    "GetObjectRetention": Recipe("GET", LOCKED, "retention"),
    "GetObjectTagging": Recipe("GET", OBJECT, "tagging"),
    "GetPublicAccessBlock": Recipe("GET", "/{versioned}", "publicAccessBlock"),
    "HeadBucket": Recipe("HEAD", "/{bucket}"),
    "HeadObject": Recipe("HEAD", OBJECT),
    "ListBuckets": Recipe("GET", "/"),
    "ListMultipartUploads": Recipe("GET", "/{bucket}", "uploads"),
    "ListObjectAnnotations": Recipe("GET", OBJECT, "annotation"),
    "ListObjectVersions": Recipe("GET", "/{bucket}", "versions"),
    "ListObjects": Recipe("GET", "/{bucket}"),
    "ListObjectsV2": Recipe("GET", "/{bucket}", "list-type=2"),
    "ListParts": Recipe("GET", "/{bucket}/parts", "uploadId={upload}"),
    "PutBucketAcl": Recipe("PUT", "/{bucket}", "acl", {"x-amz-acl": "private"}),
    "PutBucketCors": Recipe("PUT", "/{bucket}", "cors", body=cors("GET")),
    "PutBucketLifecycleConfiguration": Recipe("PUT", "/{bucket}", "lifecycle", body=LIFECYCLE),
    "PutBucketOwnershipControls": Recipe(
        "PUT", "/{bucket}", "ownershipControls", body=OWNERSHIP
    ),
    "PutBucketPolicy": Recipe("PUT", "/{bucket}", "policy", body=POLICY),
    "PutBucketLogging": Recipe("PUT", "/{bucket}", "logging", body=logging("{bucket}")),
    "PutBucketNotificationConfiguration": Recipe(
        "PUT", "/{bucket}", "notification", body=notifying("s3:ObjectAcl:Put", arn=SINK)
    ),
    "PutBucketEncryption": Recipe("PUT", "/{bucket}", "encryption", body=BLOCKING),
    "PutBucketTagging": Recipe("PUT", "/{bucket}", "tagging", body=TAGS),
    "PutBucketVersioning": Recipe("PUT", "/{bucket}", "versioning", body=ENABLED),
    "PutBucketWebsite": Recipe("PUT", "/{bucket}", "website", body=WEBSITE),
    "PutObject": Recipe("PUT", "/{bucket}/new", body=b"new"),
    "PutObjectLegalHold": Recipe("PUT", LOCKED, "legal-hold", body=HOLD),
    "PutObjectLockConfiguration": Recipe("PUT", "/{locked}", "object-lock", body=LOCK.format("")),
    "PutObjectRetention": Recipe("PUT", LOCKED, "retention", body=RETENTION),
    "PutObjectAcl": Recipe("PUT", OBJECT, "acl", {"x-amz-acl": "private"}),
    "PutObjectAnnotation": Recipe("PUT", OBJECT, NOTE, body=b"text"),
    "PutObjectTagging": Recipe("PUT", OBJECT, "tagging", body=TAGS),
    "PutPublicAccessBlock": Recipe("PUT", "/{bucket}", "publicAccessBlock", body=BLOCK),
    "RenameObject": Recipe("PUT", "/{bucket}/new", "renameObject",
                           {"x-amz-rename-source": "object"}),
    "UpdateObjectEncryption": Recipe("PUT", OBJECT, "encryption", body=TO_KMS),
    "UploadPart": Recipe("PUT", "/{bucket}/parts", PART, body=b"part"),
    "UploadPartCopy": Recipe(
        "PUT", "/{bucket}/parts", PART, {"x-amz-copy-source": "/{bucket}/file"}
    ),
}
"""A request of every operation to which nothing is wrong; others are made from it."""

_RAW = ("PutObject", "PutObjectAnnotation", "UploadPart")
WITH_BODY = tuple(sorted(name for name, recipe in GOOD.items() if recipe.body))
JSON_DOCUMENTS = ("PutBucketPolicy",)
TAKES_DOCUMENT = tuple(name for name in WITH_BODY if name not in (*_RAW, *JSON_DOCUMENTS))
LONG_DOCUMENTS = ("CompleteMultipartUpload", "DeleteObjects")
SETTINGS = tuple(
    name for name in TAKES_DOCUMENT
    if name not in (*LONG_DOCUMENTS, "PutBucketLifecycleConfiguration")
)
ON_KEYS = tuple(sorted(name for name in GOOD if OPERATIONS[name].level == "object"))
ON_BUCKETS = tuple(sorted(name for name in GOOD if name not in ("ListBuckets", "CreateBucket")))
VERSIONED = ("DeleteObjectAnnotation", "DeleteObjectTagging", "GetObject", "GetObjectAcl",
             "GetObjectAnnotation", "GetObjectAttributes", "GetObjectTagging", "HeadObject",
             "ListObjectAnnotations", "PutObjectAcl", "PutObjectAnnotation", "PutObjectTagging",
             "UpdateObjectEncryption")
ALL = tuple(sorted(GOOD))


def _elsewhere(recipe: Recipe, name: str) -> Recipe:
    """The same request to another bucket."""
    path = recipe.path
    for place in ("{bucket}", "{versioned}", "{locked}"):
        path = path.replace(place, name)
    return recipe._replace(path=path)


def _common() -> Iterator[Row]:
    Change = Callable[[Recipe], Recipe]
    rules: list[tuple[Sequence[str], str, int, str, Change]] = [
        (ALL, "AccessDenied", 403, "no signature", lambda r: r._replace(how="anonymous")),
        (tuple(n for n in ALL if n not in ("ListBuckets", "DeleteObjects")), "AccessDenied", 403,
         "a key that was granted nothing", lambda r: r._replace(who="bob")),
        (ALL, "InvalidAccessKeyId", 403, "an unknown access key",
         lambda r: r._replace(how="unknown-key")),
        (ALL, "SignatureDoesNotMatch", 403, "signed with another secret",
         lambda r: r._replace(how="wrong-secret")),
        (ALL, "SignatureDoesNotMatch", 403, "presigned with another secret",
         lambda r: r._replace(how="presigned-wrong-secret")),
        (ALL, "RequestTimeTooSkewed", 403, "signed 16 minutes ago",
         lambda r: r._replace(how="late")),
        (ALL, "AccessDenied", 403, "an expired presigned URL",
         lambda r: r._replace(how="expired")),
        (ALL, "AccessDenied", 403, "an x-amz-* header that is not signed",
         lambda r: r._replace(how="unsigned-header")),
        (ALL, "InvalidArgument", 400, "a signature in the query and one in the header",
         lambda r: r._replace(how="both")),
        (ALL, "AuthorizationHeaderMalformed", 400, "a scope with another region",
         lambda r: r._replace(how="region")),
        (ALL, "AuthorizationQueryParametersError", 400, "X-Amz-Expires above a week",
         lambda r: r._replace(how="long-lived")),
        (ALL, "InvalidToken", 400, "a session token that is none",
         lambda r: r._replace(how="token")),
        (ALL, "ExpiredToken", 400, "temporary credentials after their time",
         lambda r: r._replace(how="ended-session")),
        (ALL, "InvalidArgument", 400, "an x-amz-content-sha256 that is no payload mode",
         lambda r: r._replace(how="bad-mode")),
        (ALL, "InvalidRequest", 400, "Signature Version 2", lambda r: r._replace(how="version-2")),
        (ALL, "InvalidRequest", 400, "no x-amz-content-sha256 header",
         lambda r: r._replace(how="no-mode")),
        (ALL, "NotImplemented", 501, "a header that asks for what is not there",
         lambda r: r.plus(x_amz_something_new="1")),
        (ON_BUCKETS, "NoSuchBucket", 404, "a bucket that does not exist",
         lambda r: _elsewhere(r, "{absent}")),
        (tuple(n for n in ALL if n != "ListBuckets"), "InvalidBucketName", 400,
         "a name that no bucket can have",
         lambda r: _elsewhere(r._replace(path=r.path.replace("{absent}", "Not_A_Bucket")),
                              "Not_A_Bucket")),
        (ON_BUCKETS, "AccessDenied", 403, "x-amz-expected-bucket-owner of another account",
         lambda r: r.plus(x_amz_expected_bucket_owner="000000000001")),
        (ON_BUCKETS, "InvalidBucketOwnerAWSAccountID", 400,
         "x-amz-expected-bucket-owner that is no account number",
         lambda r: r.plus(x_amz_expected_bucket_owner="alice")),
        (ON_KEYS, "KeyTooLongError", 400, "a key of 1,025 bytes",
         lambda r: r._replace(path="/{bucket}/" + "k" * 1025)),
        (ON_KEYS, "InvalidURI", 400, "a key that is not UTF-8",
         lambda r: r._replace(path="/{bucket}/%C0%AE")),
        (WITH_BODY, "BadDigest", 400, "a Content-MD5 of other bytes",
         lambda r: r.plus(Content_MD5="1B2M2Y8AsgTpgAmY7PhCfg==")),
        (WITH_BODY, "InvalidDigest", 400, "a Content-MD5 that is none",
         lambda r: r.plus(Content_MD5="bm90")),
        (WITH_BODY, "XAmzContentSHA256Mismatch", 400, "another body than the signed SHA-256's",
         lambda r: r._replace(how="other-body")),
        (WITH_BODY, "SignatureDoesNotMatch", 403, "a chunk whose bytes were changed",
         lambda r: r._replace(mode=SIGNED_CHUNKS, bad="chunk")),
        (WITH_BODY, "SignatureDoesNotMatch", 403, "a trailer that was changed",
         lambda r: r._replace(mode=SIGNED_TRAILER, bad="trailer")),
        (WITH_BODY, "BadDigest", 400, "a checksum in an unsigned trailer that does not match",
         lambda r: r._replace(mode=UNSIGNED_TRAILER, bad="trailer")),
        (WITH_BODY, "IncompleteBody", 400, "x-amz-decoded-content-length above the chunks' sum",
         lambda r: r._replace(mode=SIGNED_CHUNKS, declared_length=10_000)),
        (WITH_BODY, "MissingContentLength", 411, "chunks without x-amz-decoded-content-length",
         lambda r: r._replace(how="no-decoded-length", mode=SIGNED_CHUNKS)),
        (WITH_BODY, "MalformedTrailerError", 400, "a trailer that was not declared",
         lambda r: r._replace(how="other-trailer", mode=UNSIGNED_TRAILER)),
        (("PutObject", "UploadPart"), "MissingContentLength", 411, "no Content-Length",
         lambda r: r._replace(body=b"", how="no-length")),
        (("PutObject", "UploadPart"), "MissingContentLength", 411,
         "a Transfer-Encoding and no length",
         lambda r: r._replace(body=b"3\r\nabc\r\n0\r\n\r\n", how="transfer-encoding")),
        (TAKES_DOCUMENT, "MalformedXML", 400, "a body that is no XML",
         lambda r: r._replace(body="{}")),
        (TAKES_DOCUMENT, "MalformedXML", 400, "a document with another root",
         lambda r: r._replace(body="<Other/>")),
        (TAKES_DOCUMENT, "MalformedXML", 400, "a document with a DTD",
         lambda r: r._replace(body='<!DOCTYPE x [<!ENTITY e "1">]><x>&e;</x>')),
        ((*SETTINGS, *JSON_DOCUMENTS), "MaxMessageLengthExceeded", 400, "a document above 64 KiB",
         lambda r: r._replace(body=b" " * 65_537)),
        (LONG_DOCUMENTS, "MaxMessageLengthExceeded", 400,
         "a Content-Length above the document's limit, before the body is sent",
         lambda r: r._replace(body=b" " * (4 * 1024 * 1024 + 1), how="expect")),
        (VERSIONED, "NoSuchVersion", 404, "a version that was deleted",
         lambda r: _versioned(r, "object", "{oldversion}")),
        (VERSIONED, "InvalidArgument", 400, "a versionId that no version can have",
         lambda r: _versioned(r, "object", "rubbish")),
        (VERSIONED, "InvalidArgument", 400, "an empty versionId",
         lambda r: _versioned(r, "object", "")),
        (VERSIONED, "MethodNotAllowed", 405, "the versionId of a delete marker",
         lambda r: _versioned(r, "gone", "{marker}")),
        (VERSIONED, "NoSuchKey", 404, "a key whose current version is a delete marker",
         lambda r: r._replace(path="/{versioned}/gone")),
        (VERSIONED, "NoSuchKey", 404, "a key that does not exist",
         lambda r: r._replace(path="/{bucket}/nothing")),
    ]
    for operations, code, status, trigger, change in rules:
        for name in operations:
            yield Row(name, code, status, trigger, change(GOOD[name]), common=True)


def _versioned(recipe: Recipe, key: str, version: str) -> Recipe:
    query = f"{recipe.query}&versionId={version}".lstrip("&")
    return recipe._replace(path="/{versioned}/" + key, query=query)


def _good(name: str, query: str = "", body: str | bytes | None = None, path: str = "",
          **headers: str) -> Recipe:
    """The good request of an operation with something added to it."""
    recipe = GOOD[name].plus(**headers)
    if query:
        recipe = recipe._replace(query=f"{recipe.query}&{query}".lstrip("&"))
    if body is not None:
        recipe = recipe._replace(body=body)
    if path:
        recipe = recipe._replace(path=path)
    return recipe


def _of(operation: str, *rows: tuple[str, int, str, Recipe]) -> list[Row]:
    return [Row(operation, *row) for row in rows]


ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
LONG_METADATA = "m" * 2040
DEEP_TAGS = "<Tagging><TagSet>{}</TagSet></Tagging>"


def _filter(*rules: tuple[str, str]) -> str:
    made = "".join(
        f"<FilterRule><Name>{name}</Name><Value>{value}</Value></FilterRule>"
        for name, value in rules
    )
    return f"<Filter><S3Key>{made}</S3Key></Filter>"


def _tags(*pairs: tuple[str, str]) -> str:
    items = "".join(f"<Tag><Key>{key}</Key><Value>{value}</Value></Tag>" for key, value in pairs)
    return f"<Tagging><TagSet>{items}</TagSet></Tagging>"


def _bad_tags(name: str, limit: int) -> list[Row]:
    documents = [
        ("the same tag twice", _tags(("a", "1"), ("a", "2"))),
        ("an empty tag key", _tags(("", "1"))),
        ("a tag key of 129 characters", _tags(("k" * 129, "1"))),
        ("a tag value of 257 characters", _tags(("k", "v" * 257))),
        ("a tag key that begins with aws:", _tags(("aws:k", "v"))),
        ("a character that tags cannot have", _tags(("k;", "v"))),
        (f"{limit + 1} tags", _tags(*[(f"k{n}", "v") for n in range(limit + 1)])),
    ]
    rows = [Row(name, "InvalidTag", 400, trigger, _good(name, body=body))
            for trigger, body in documents]
    rows.append(Row(name, "MissingRequestBodyError", 400, "no body", _good(name, body="")))
    rows.append(Row(name, "MalformedXML", 400, "a tag without a value", _good(
        name, body="<Tagging><TagSet><Tag><Key>k</Key></Tag></TagSet></Tagging>")))
    return rows


def _acl_headers(name: str) -> list[tuple[str, int, str, Recipe]]:
    """What is wrong with an ACL in headers."""
    plain = GOOD[name]._replace(headers={k: v for k, v in GOOD[name].headers.items()
                                         if k != "x-amz-acl"})
    return [
        ("InvalidArgument", 400, "a canned ACL that does not exist",
         plain.plus(x_amz_acl="everybody")),
        ("InvalidRequest", 400, "a canned ACL beside a grant",
         plain.plus(x_amz_acl="private", x_amz_grant_read=f'uri="{ALL_USERS}"')),
        ("InvalidArgument", 400, "a grant to an account that does not exist",
         plain.plus(x_amz_grant_read=f'id="{"0" * 64}"')),
        ("InvalidArgument", 400, "a grant to a group that does not exist",
         plain.plus(x_amz_grant_write="uri=http://acs.amazonaws.com/groups/global/Nobody")),
        ("InvalidArgument", 400, "a grant that cannot be read",
         plain.plus(x_amz_grant_full_control="everybody")),
        ("UnresolvableGrantByEmailAddress", 400, "a grant to an e-mail address",
         plain.plus(x_amz_grant_read_acp="emailAddress=alice@example.com")),
        ("InvalidRequest", 400, "101 grants in headers",
         plain.plus(x_amz_grant_read=",".join([f"uri={ALL_USERS}"] * 101))),
    ]


def _acl(*grants: str, owner: str = "{owner}") -> str:
    said = f"<Owner><ID>{owner}</ID></Owner>" if owner else ""
    return (f"<AccessControlPolicy>{said}<AccessControlList>{''.join(grants)}</AccessControlList>"
            "</AccessControlPolicy>")


def _grant(type: str, element: str, text: str, permission: str = "READ") -> str:
    return (f'<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
            f'xsi:type="{type}"><{element}>{text}</{element}></Grantee>'
            f"<Permission>{permission}</Permission></Grant>")


def _puts_acl(name: str) -> list[Row]:
    """What is wrong with an ACL that is put."""
    public = _grant("Group", "URI", ALL_USERS)
    path = "/{enforced}" + ("/object" if name == "PutObjectAcl" else "")
    plain = GOOD[name]._replace(headers={})
    documents = [
        ("MalformedACLError", "a body that is no XML", "{}"),
        ("MalformedACLError", "a document with another root", "<Other/>"),
        ("MalformedACLError", "a document with a DTD",
         '<!DOCTYPE x [<!ENTITY e "1">]><x>&e;</x>'),
        ("MalformedACLError", "no owner", _acl(public, owner="")),
        ("MalformedACLError", "an unknown permission",
         _acl(_grant("Group", "URI", ALL_USERS, "X"))),
        ("MalformedACLError", "an unknown kind of grantee", _acl(_grant("Planet", "ID", "1"))),
        ("MalformedACLError", "101 grants", _acl(*([public] * 101))),
        ("InvalidArgument", "a document for an account that does not exist",
         _acl(_grant("CanonicalUser", "ID", "0" * 64))),
        ("InvalidArgument", "a document for a group that does not exist",
         _acl(_grant("Group", "URI", "http://acs.amazonaws.com/groups/global/Nobody"))),
        ("UnresolvableGrantByEmailAddress", "a document for an e-mail address",
         _acl(_grant("AmazonCustomerByEmail", "EmailAddress", "alice@example.com"))),
        ("MaxMessageLengthExceeded", "a document above 64 KiB", " " * 65_537),
    ]
    return _of(
        name,
        *((code, 400, trigger, plain._replace(body=body)) for code, trigger, body in documents),
        *_acl_headers(name),
        ("MissingSecurityHeader", 400, "neither headers nor a body", plain),
        ("UnexpectedContent", 400, "headers beside a body", GOOD[name]._replace(body=_acl(public))),
        ("AccessDenied", 403, "an owner that is not the owner",
         plain._replace(body=_acl(public, owner="0" * 64))),
        ("AccessControlListNotSupported", 400, "a bucket whose owner has turned ACLs off",
         plain._replace(path=path).plus(x_amz_acl="public-read")),
    )


def _rule(actions: str, filter: str = "<Filter/>", status: str = "Enabled", id: str = "") -> str:
    name = f"<ID>{id}</ID>" if id else ""
    return f"<Rule>{name}{filter}<Status>{status}</Status>{actions}</Rule>"


def _bad_rules() -> list[Row]:
    name = "PutBucketLifecycleConfiguration"
    days = "<Expiration><Days>1</Days></Expiration>"
    tag = "<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>"
    abort = ("<AbortIncompleteMultipartUpload><DaysAfterInitiation>{}</DaysAfterInitiation>"
             "</AbortIncompleteMultipartUpload>")
    older = "<NoncurrentVersionExpiration>{}</NoncurrentVersionExpiration>"
    move = "<Transition><Days>{}</Days><StorageClass>{}</StorageClass></Transition>"
    marker = ("<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker>"
              "</Expiration>")
    bad = [
        ("MalformedXML", "no rule", ""),
        ("MalformedXML", "1,001 rules", _rule(days) * 1001),
        ("MalformedXML", "neither Prefix nor Filter", _rule(days, "")),
        ("MalformedXML", "Prefix and Filter", _rule(days, "<Prefix/><Filter/>")),
        ("MalformedXML", "two predicates without And",
         _rule(days, "<Filter><Prefix>a</Prefix><ObjectSizeLessThan>9</ObjectSizeLessThan>"
               "</Filter>")),
        ("MalformedXML", "an unknown Status", _rule(days, status="On")),
        ("MalformedXML", "Days and Date",
         _rule("<Expiration><Days>1</Days><Date>2030-01-01T00:00:00Z</Date></Expiration>")),
        ("MalformedXML", "Days that are no number",
         _rule("<Expiration><Days>one</Days></Expiration>")),
        ("MalformedXML", "a Date that is none",
         _rule("<Expiration><Date>tomorrow</Date></Expiration>")),
        ("MalformedXML", "an unknown storage class", _rule(move.format(1, "TAPE"))),
        ("MalformedXML", "an unknown element", _rule(days + "<Action/>")),
        ("InvalidArgument", "an ID of 256 characters", _rule(days, id="i" * 256)),
        ("InvalidArgument", "the same ID twice", _rule(days, id="i") * 2),
        ("InvalidArgument", "Days of 0", _rule("<Expiration><Days>0</Days></Expiration>")),
        ("InvalidArgument", "a Date at noon",
         _rule("<Expiration><Date>2030-01-01T12:00:00Z</Date></Expiration>")),
        ("InvalidArgument", "DaysAfterInitiation of 0", _rule(abort.format(0))),
        ("InvalidArgument", "NoncurrentDays of 0",
         _rule(older.format("<NoncurrentDays>0</NoncurrentDays>"))),
        ("InvalidArgument", "NewerNoncurrentVersions of 101",
         _rule(older.format("<NoncurrentDays>1</NoncurrentDays>"
                            "<NewerNoncurrentVersions>101</NewerNoncurrentVersions>"))),
        ("InvalidArgument", "a transition to STANDARD_IA after 29 days",
         _rule(move.format(29, "STANDARD_IA"))),
        ("InvalidArgument", "a transition of -1 days", _rule(move.format(-1, "GLACIER"))),
        ("InvalidArgument", "an expiration before a transition",
         _rule(days + move.format(5, "GLACIER"))),
        ("InvalidRequest", "a rule without an action", _rule("")),
        ("InvalidRequest", "an upload's end by tag", _rule(abort.format(1), tag)),
        ("InvalidRequest", "the end of delete markers by tag", _rule(marker, tag)),
        ("InvalidRequest", "two transitions to one class",
         _rule(move.format(1, "GLACIER") + move.format(2, "GLACIER"))),
        ("InvalidRequest", "days beside a date",
         _rule("<Expiration><Date>2030-01-01T00:00:00Z</Date></Expiration>"
               + move.format(1, "GLACIER"))),
        ("InvalidRequest", "a least size above the greatest",
         _rule(days, "<Filter><And><ObjectSizeGreaterThan>9</ObjectSizeGreaterThan>"
               "<ObjectSizeLessThan>8</ObjectSizeLessThan></And></Filter>")),
        ("InvalidRequest", "NewerNoncurrentVersions beside the old Prefix",
         _rule(older.format("<NoncurrentDays>1</NoncurrentDays>"
                            "<NewerNoncurrentVersions>1</NewerNoncurrentVersions>"),
               "<Prefix/>")),
        ("InvalidTag", "an empty tag key",
         _rule(days, "<Filter><Tag><Key/><Value>v</Value></Tag></Filter>")),
    ]
    rows = [
        Row(name, code, 400, trigger,
            _good(name, body=f"<LifecycleConfiguration>{rules}</LifecycleConfiguration>"))
        for code, trigger, rules in bad
    ]
    rows += _of(
        name,
        ("MissingRequestBodyError", 400, "no body", _good(name, body="")),
        ("MaxMessageLengthExceeded", 400, "a document above 1 MiB",
         _good(name, body=b" " * (1024 * 1024 + 1))),
        ("InvalidArgument", 400, "an unknown default minimum size",
         _good(name, x_amz_transition_default_minimum_object_size="none")),
    )
    return rows


def _headers_of_new_objects(name: str) -> list[Row]:
    """What PutObject, CopyObject and CreateMultipartUpload refuse alike."""
    return _of(
        name,
        ("InvalidStorageClass", 400, "an unknown storage class",
         _good(name, x_amz_storage_class="TAPE")),
        ("MetadataTooLarge", 400, "more than 2 KB of user metadata",
         _good(name, x_amz_meta_a=LONG_METADATA, x_amz_meta_b="0123456789",
               x_amz_metadata_directive="REPLACE")
         if name == "CopyObject" else
         _good(name, x_amz_meta_a=LONG_METADATA, x_amz_meta_b="0123456789")),
        ("InvalidTag", 400, "the same tag twice in x-amz-tagging",
         _good(name, x_amz_tagging="a=1&a=2")),
        ("InvalidTag", 400, "11 tags in x-amz-tagging",
         _good(name, x_amz_tagging="&".join(f"k{n}=v" for n in range(11)))),
        ("InvalidArgument", 400, "x-amz-tagging that is not UTF-8",
         _good(name, x_amz_tagging="a=%FF")),
        ("InvalidRedirectLocation", 400, "a redirect location that is no URL",
         _good(name, x_amz_website_redirect_location="elsewhere")),
        *_acl_headers(name),
        ("AccessControlListNotSupported", 400, "an ACL in a bucket whose owner has turned them off",
         _good(name, path="/{enforced}/new", x_amz_acl="public-read")),
        ("NotImplemented", 501, "server-side encryption",
         _good(name, x_amz_server_side_encryption="AES256")),
        ("InvalidArgument", 400, "an unknown encryption method",
         _good(name, x_amz_server_side_encryption="AES512")),
        ("InvalidArgument", 400, "a KMS key without its method",
         _good(name, x_amz_server_side_encryption_aws_kms_key_id="k")),
        ("InvalidEncryptionAlgorithmError", 400, "a customer's key for another algorithm",
         _good(name, x_amz_server_side_encryption_customer_algorithm="AES128")),
        ("InvalidArgument", 400, "a customer's encryption key that is missing",
         _good(name, x_amz_server_side_encryption_customer_algorithm="AES256")),
        ("InvalidRequest", 400, "a lock in a bucket without object lock",
         _good(name, x_amz_object_lock_legal_hold="ON")),
        ("InvalidArgument", 400, "a lock's mode without its end",
         _good(name, x_amz_object_lock_mode="GOVERNANCE")),
        ("InvalidArgument", 400, "a lock's end without its mode",
         _good(name, x_amz_object_lock_retain_until_date=CENTURY)),
        ("InvalidArgument", 400, "a lock of a mode that does not exist",
         _good(name, x_amz_object_lock_mode="FOREVER",
               x_amz_object_lock_retain_until_date=CENTURY)),
        ("InvalidArgument", 400, "a lock whose end is no time",
         _good(name, x_amz_object_lock_mode="GOVERNANCE",
               x_amz_object_lock_retain_until_date="tomorrow")),
        ("InvalidArgument", 400, "a lock that has ended",
         _good(name, x_amz_object_lock_mode="GOVERNANCE",
               x_amz_object_lock_retain_until_date="2020-01-01T00:00:00Z")),
        ("InvalidArgument", 400, "a legal hold that is neither ON nor OFF",
         _good(name, x_amz_object_lock_legal_hold="yes")),
        ("NotImplemented", 501, "an event hold", _good(name, x_amz_object_lock_event_hold="ON")),
        ("InvalidRequest", 400, "an unknown checksum algorithm",
         _good(name, x_amz_checksum_algorithm="CRC1")),
    )


def _counts(name: str, parameter: str, least: int = 0) -> list[Row]:
    rows = [("no number", "many"), ("a negative number", "-1"), ("a huge number", "99999999999")]
    if least:
        rows.append(("zero", "0"))
    return [Row(name, "InvalidArgument", 400, f"{parameter}: {trigger}",
                _good(name, f"{parameter}={value}")) for trigger, value in rows]


def _digests(name: str) -> list[Row]:
    return _of(
        name,
        ("BadDigest", 400, "a CRC-32 of other bytes", _good(name, x_amz_checksum_crc32="AAAAAA==")),
        ("BadDigest", 400, "a CRC-64 of other bytes",
         _good(name, x_amz_checksum_crc64nvme="AAAAAAAAAAA=")),
        ("BadDigest", 400, "a SHA-256 checksum of other bytes",
         _good(name, x_amz_checksum_sha256="47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")),
        ("BadDigest", 400, "an XXHASH3 of other bytes",
         _good(name, x_amz_checksum_xxhash3="AAAAAAAAAAA=")),
        ("InvalidRequest", 400, "an XXHASH128 of the length of an XXHASH64",
         _good(name, x_amz_checksum_xxhash128="AAAAAAAAAAA=")),
        ("InvalidRequest", 400, "a checksum of the wrong length",
         _good(name, x_amz_checksum_crc32="AAA=")),
        ("InvalidRequest", 400, "two checksums",
         _good(name, x_amz_checksum_crc32="AAAAAA==", x_amz_checksum_crc32c="AAAAAA==")),
        ("InvalidRequest", 400, "x-amz-sdk-checksum-algorithm without a checksum",
         _good(name, x_amz_sdk_checksum_algorithm="CRC32")),
    )


SOURCES = (
    ("InvalidArgument", 400, "an empty copy source", ""),
    ("InvalidArgument", 400, "a copy source without a key", "/{bucket}"),
    ("InvalidArgument", 400, "a copy source whose bucket cannot exist", "/Not_A_Bucket/object"),
    ("InvalidArgument", 400, "a copy source that climbs", "/{bucket}/../{foreign}%00/%FF"),
    ("InvalidArgument", 400, "a copy source with a rubbish versionId",
     "/{versioned}/object?versionId=rubbish"),
    ("InvalidArgument", 400, "a copy source with an empty versionId",
     "/{versioned}/object?versionId="),
    ("NoSuchKey", 404, "a copy source that does not exist", "/{bucket}/nothing"),
    ("NoSuchKey", 404, "a copy source whose current version is a delete marker",
     "/{versioned}/gone"),
    ("NoSuchVersion", 404, "a copy source whose version was deleted",
     "/{versioned}/object?versionId={oldversion}"),
    ("InvalidRequest", 400, "a copy source that is a delete marker",
     "/{versioned}/gone?versionId={marker}"),
    ("NoSuchBucket", 404, "a copy source in a bucket that does not exist", "/{absent}/object"),
    ("AccessDenied", 403, "a copy source that the key may not read", "/{foreign}/object"),
    ("KeyTooLongError", 400, "a copy source key of 1,025 bytes", "/{bucket}/" + "k" * 1025),
)


def _sources(name: str) -> list[Row]:
    rows = [Row(name, code, status, trigger, _good(name, x_amz_copy_source=source))
            for code, status, trigger, source in SOURCES]
    conditions = (
        ("x-amz-copy-source-if-match", '"{other_etag}"'),
        ("x-amz-copy-source-if-none-match", '"{etag}"'),
        ("x-amz-copy-source-if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT"),
        ("x-amz-copy-source-if-unmodified-since", "Sat, 01 Jan 2000 00:00:00 GMT"),
    )
    rows += [
        Row(name, "PreconditionFailed", 412, f"{header} that does not hold",
            _good(name, **{header: value, "x-amz-copy-source": OBJECT}))
        for header, value in conditions
    ]
    rows += _of(
        name,
        ("AccessDenied", 403, "x-amz-source-expected-bucket-owner of another account",
         _good(name, x_amz_source_expected_bucket_owner="000000000001")),
        ("InvalidBucketOwnerAWSAccountID", 400,
         "x-amz-source-expected-bucket-owner that is no account number",
         _good(name, x_amz_source_expected_bucket_owner="alice")),
    )
    return rows


def _reads(name: str) -> list[Row]:
    return _of(
        name,
        ("InvalidRange", 416, "a range beyond the end", _good(name, Range="bytes=10-")),
        ("InvalidRange", 416, "the last 0 bytes", _good(name, Range="bytes=-0")),
        ("PreconditionFailed", 412, "If-Match with another ETag",
         _good(name, If_Match='"{other_etag}"')),
        ("PreconditionFailed", 412, "If-Unmodified-Since before the object's time",
         _good(name, If_Unmodified_Since="Sat, 01 Jan 2000 00:00:00 GMT")),
        ("NotModified", 304, "If-None-Match with the object's ETag",
         _good(name, If_None_Match='"{etag}"')),
        ("NotModified", 304, "If-None-Match: *", _good(name, If_None_Match="*")),
        ("NotModified", 304, "If-Modified-Since after the object's time",
         _good(name, If_Modified_Since="Fri, 01 Jan 2100 00:00:00 GMT")),
        ("InvalidPartNumber", 416, "a part that the object does not have",
         _good(name, "partNumber=2")),
        ("InvalidArgument", 400, "partNumber 0", _good(name, "partNumber=0")),
        ("InvalidArgument", 400, "partNumber 10001", _good(name, "partNumber=10001")),
        ("InvalidRequest", 400, "partNumber beside Range",
         _good(name, "partNumber=1", Range="bytes=0-1")),
        ("InvalidArgument", 400, "an override with a line break",
         _good(name, "response-content-type=a%0D%0Ab")),
        ("InvalidURI", 400, "a bad escape in the key", _good(name, path="/{bucket}/%zz")),
        ("InvalidURI", 400, "a bad escape in the query", _good(name, "response-expires=%z")),
        ("InvalidArgument", 400, "a customer's encryption key that is missing",
         _good(name, x_amz_server_side_encryption_customer_algorithm="AES256")),
        ("InvalidEncryptionAlgorithmError", 400, "a customer's key for another algorithm",
         _good(name, x_amz_server_side_encryption_customer_algorithm="AES128")),
        ("InvalidArgument", 400, "a header that asks for encryption",
         _good(name, x_amz_server_side_encryption="AES256")),
        ("InvalidRequest", 400, "a customer's key for an object without one",
         _good(name, **CUSTOMER_KEY)),
    )


def _conditional_writes(name: str, existing: str, absent: str, query: str = "") -> list[Row]:
    """Conditions of PutObject, CopyObject and CompleteMultipartUpload."""
    def on(path: str, **headers: str) -> Recipe:
        if name == "CopyObject":
            headers["x-amz-copy-source"] = "/{bucket}/file"
        recipe = _good(name, path=path, **headers)
        return recipe._replace(query=query) if query and path == existing else recipe

    return _of(
        name,
        ("PreconditionFailed", 412, "If-None-Match: * on a key that exists",
         on(existing, If_None_Match="*")),
        ("PreconditionFailed", 412, "If-Match with another ETag",
         on(existing, If_Match='"{other_etag}"')),
        ("NoSuchKey", 404, "If-Match on a key that does not exist",
         on(absent, If_Match='"{etag}"')),
        ("NotImplemented", 501, "If-None-Match with an ETag",
         on(existing, If_None_Match='"{other_etag}"')),
        ("NotImplemented", 501, "If-Unmodified-Since",
         on(existing, If_Unmodified_Since="Fri, 01 Jan 2100 00:00:00 GMT")),
    )


def _no_upload(name: str) -> list[Row]:
    recipe = GOOD[name]

    def on(upload: str, path: str = recipe.path) -> Recipe:
        return recipe._replace(path=path, query=recipe.query.replace("{upload}", upload))

    return _of(
        name,
        ("NoSuchUpload", 404, "an uploadId that is rubbish", on("rubbish")),
        ("NoSuchUpload", 404, "an empty uploadId", on("")),
        ("NoSuchUpload", 404, "an uploadId that climbs", on("..%2F..%2Fetc%2Fpasswd%00")),
        ("NoSuchUpload", 404, "an upload that was aborted", on("{aborted}")),
        ("NoSuchUpload", 404, "an upload of another key", on("{upload}", "/{bucket}/other")),
    )


def _part_numbers(name: str) -> list[Row]:
    query = GOOD[name].query
    return [
        Row(name, "InvalidArgument", 400, f"partNumber {value or 'empty'}",
            GOOD[name]._replace(query=query.replace("partNumber=3", f"partNumber={value}")))
        for value in ("0", "10001", "-1", "one", "", "1e3", "0x1")
    ]


def _locks() -> list[Row]:
    rows = _of(
        "GetObjectLockConfiguration",
        ("ObjectLockConfigurationNotFoundError", 404, "a bucket without object lock",
         _good("GetObjectLockConfiguration", path="/{versioned}")),
    )
    put = "PutObjectLockConfiguration"
    documents: list[tuple[str, str, str]] = [
        ("MalformedXML", "no ObjectLockEnabled", "<ObjectLockConfiguration/>"),
        ("MalformedXML", "a rule without a period",
         LOCK.format(RULE.format("<Mode>GOVERNANCE</Mode>"))),
        ("MalformedXML", "days and years", LOCK.format(
            RULE.format("<Mode>GOVERNANCE</Mode><Days>1</Days><Years>1</Years>"))),
        ("MalformedXML", "an unknown mode",
         LOCK.format(RULE.format("<Mode>FOREVER</Mode><Days>1</Days>"))),
        ("InvalidArgument", "a default of 0 days",
         LOCK.format(RULE.format("<Mode>GOVERNANCE</Mode><Days>0</Days>"))),
        ("InvalidArgument", "a default of 101 years",
         LOCK.format(RULE.format("<Mode>GOVERNANCE</Mode><Years>101</Years>"))),
    ]
    rows += [Row(put, code, 400, trigger, _good(put, body=body))
             for code, trigger, body in documents]
    rows.append(Row(put, "NotImplemented", 501, "a default event hold", _good(
        put, body=LOCK.format(RULE.format("<DefaultEventHold><Days>1</Days></DefaultEventHold>")))))
    rows.append(Row(put, "InvalidBucketState", 409, "a bucket without versioning",
                    _good(put, path="/{bucket}")))
    for name in ("GetObjectRetention", "GetObjectLegalHold"):
        rows.append(Row(name, "NoSuchObjectLockConfiguration", 404, "a version that has none",
                        _good(name, path="/{locked}/free")))
    for name in ("GetObjectRetention", "GetObjectLegalHold", "PutObjectRetention",
                 "PutObjectLegalHold"):
        rows += _of(
            name,
            ("InvalidRequest", 400, "a bucket without object lock", _good(name, path=OBJECT)),
            ("NoSuchKey", 404, "a key that does not exist", _good(name, path="/{locked}/nothing")),
            ("NoSuchKey", 404, "a key whose current version is a delete marker",
             _good(name, path="/{locked}/gone")),
            ("NoSuchVersion", 404, "a version that does not exist",
             _good(name, "versionId={version}", path=LOCKED)),
            ("InvalidArgument", 400, "a versionId that no version can have",
             _good(name, "versionId=rubbish")),
        )
    rows += _of(
        "PutObjectRetention",
        ("MalformedXML", 400, "a mode without an end",
         _good("PutObjectRetention", body="<Retention><Mode>GOVERNANCE</Mode></Retention>")),
        ("MalformedXML", 400, "an end that is no time",
         _good("PutObjectRetention", body=RETAINED.format("COMPLIANCE", "tomorrow"))),
        ("InvalidArgument", 400, "an end in the past",
         _good("PutObjectRetention", body=RETAINED.format("COMPLIANCE", "2020-01-01T00:00:00Z"))),
        ("AccessDenied", 403, "an earlier end in compliance mode",
         _good("PutObjectRetention", body=RETAINED.format("COMPLIANCE", CENTURY),
               x_amz_bypass_governance_retention="true")),
        ("AccessDenied", 403, "governance mode in place of compliance",
         _good("PutObjectRetention", body=RETAINED.format("GOVERNANCE", "2999-01-02T00:00:00Z"))),
        ("AccessDenied", 403, "no retention in place of compliance",
         _good("PutObjectRetention", body="<Retention/>",
               x_amz_bypass_governance_retention="true")),
        ("NotImplemented", 501, "an event hold",
         _good("PutObjectRetention", body="<Retention><EventHold>ON</EventHold></Retention>")),
    )
    rows += _of(
        "PutObjectLegalHold",
        ("MalformedXML", 400, "a status that is neither ON nor OFF",
         _good("PutObjectLegalHold", body="<LegalHold><Status>yes</Status></LegalHold>")),
    )
    rows += _of(
        "PutObject",
        ("InvalidRequest", 400, "a lock without a digest of the body",
         _good("PutObject", path="/{locked}/new", x_amz_object_lock_legal_hold="ON")),
    )
    return rows


def _renames() -> list[Row]:
    name = "RenameObject"
    tagged = "/{bucket}/tagged"
    other, past = '"{other_etag}"', "Sat, 01 Jan 2000 00:00:00 GMT"
    future = "Fri, 01 Jan 2100 00:00:00 GMT"
    return _of(
        name,
        ("InvalidRequest", 400, "no x-amz-rename-source", GOOD[name]._replace(headers={})),
        ("InvalidRequest", 400, "a rename onto itself", _good(name, path=OBJECT)),
        ("InvalidArgument", 400, "an empty source", _good(name, x_amz_rename_source="")),
        ("InvalidArgument", 400, "a source that is not UTF-8",
         _good(name, x_amz_rename_source="%FF")),
        ("KeyTooLongError", 400, "a source of 1,025 bytes",
         _good(name, x_amz_rename_source="k" * 1025)),
        ("NoSuchKey", 404, "a source that does not exist",
         _good(name, x_amz_rename_source="nothing")),
        ("NoSuchKey", 404, "If-Match on a key that does not exist", _good(name, If_Match=other)),
        ("PreconditionFailed", 412, "If-None-Match: * on a key that exists",
         _good(name, path=tagged, If_None_Match="*")),
        ("PreconditionFailed", 412, "If-Match with another ETag",
         _good(name, path=tagged, If_Match=other)),
        ("PreconditionFailed", 412, "If-Modified-Since on a key that does not exist",
         _good(name, If_Modified_Since=past)),
        ("PreconditionFailed", 412, "If-Unmodified-Since before the time of the key's object",
         _good(name, path=tagged, If_Unmodified_Since=past)),
        ("NotImplemented", 501, "If-None-Match with an ETag", _good(name, If_None_Match=other)),
        *[("PreconditionFailed", 412, f"{header} that does not hold",
           _good(name, **{header: value, "x-amz-rename-source": "object"}))
          for header, value in (
              ("x-amz-rename-source-if-match", other),
              ("x-amz-rename-source-if-none-match", '"{etag}"'),
              ("x-amz-rename-source-if-modified-since", future),
              ("x-amz-rename-source-if-unmodified-since", past),
          )],
        ("InvalidArgument", 400, "a client token with a space",
         _good(name, x_amz_client_token="a b")),
        ("InvalidArgument", 400, "a client token of 65 characters",
         _good(name, x_amz_client_token="t" * 65)),
    )


SPECIFIC: list[Row] = [
    *_of(
        "ListBuckets",
        ("InvalidArgument", 400, "max-buckets above 10,000",
         _good("ListBuckets", "max-buckets=10001")),
        ("InvalidArgument", 400, "a continuation token that was not given out",
         _good("ListBuckets", "continuation-token=rubbish")),
    ),
    *_counts("ListBuckets", "max-buckets", least=1),
    *[Row("CreateBucket", "InvalidBucketName", 400, f"the name {shown}",
          _good("CreateBucket", path=f"/{name}"))
      for name, shown in (
          ("ab", "ab"), ("a" * 64, "of 64 characters"), ("192.168.0.1", "192.168.0.1"),
          ("a..b", "a..b"), ("-ab", "-ab"), ("ab-", "ab-"), ("a_b", "a_b"), ("ABC", "ABC"),
          ("xn--abc", "xn--abc"), ("abc-s3alias", "abc-s3alias"), ("a%2Fb%2Fc", "a%2Fb%2Fc"),
          ("_z4meta", "_z4meta"), ("%2e%2e", "%2e%2e"), ("...", "..."),
      )],
    *_of(
        "CreateBucket",
        ("BucketAlreadyExists", 409, "a bucket of another account",
         _good("CreateBucket", path="/{foreign}")),
        ("IllegalLocationConstraintException", 400, "a LocationConstraint of another region",
         _good("CreateBucket", body="<CreateBucketConfiguration><LocationConstraint>eu-west-1"
               "</LocationConstraint></CreateBucketConfiguration>")),
        ("InvalidLocationConstraint", 400, "a LocationConstraint that is no region",
         _good("CreateBucket", body="<CreateBucketConfiguration><LocationConstraint>a b"
               "</LocationConstraint></CreateBucketConfiguration>")),
        ("MalformedXML", 400, "a document with another root",
         _good("CreateBucket", body="<Configuration/>")),
        ("MalformedXML", 400, "a LocationConstraint twice",
         _good("CreateBucket", body="<CreateBucketConfiguration><LocationConstraint/>"
               "<LocationConstraint/></CreateBucketConfiguration>")),
        ("MaxMessageLengthExceeded", 400, "a document above 64 KiB",
         _good("CreateBucket", body=b" " * 65_537)),
        ("InvalidTag", 400, "a tag that begins with aws:",
         _good("CreateBucket", body="<CreateBucketConfiguration><Tags><Tag><Key>aws:a</Key>"
               "<Value>1</Value></Tag></Tags></CreateBucketConfiguration>")),
        ("NotImplemented", 501, "a directory bucket",
         _good("CreateBucket", body="<CreateBucketConfiguration><Location/>"
               "</CreateBucketConfiguration>")),
        ("InvalidArgument", 400, "an unknown x-amz-object-ownership",
         _good("CreateBucket", x_amz_object_ownership="Nobody")),
        ("BucketAlreadyOwnedByYou", 409, "object lock for a bucket that is there without it",
         _good("CreateBucket", path="/{bucket}", x_amz_bucket_object_lock_enabled="true")),
        ("InvalidArgument", 400, "object lock neither true nor false",
         _good("CreateBucket", x_amz_bucket_object_lock_enabled="yes")),
        ("NotImplemented", 501, "a canned ACL other than private",
         _good("CreateBucket", x_amz_acl="public-read")),
        ("InvalidArgument", 400, "a canned ACL that does not exist",
         _good("CreateBucket", x_amz_acl="everybody")),
        ("NotImplemented", 501, "object lock",
         _good("CreateBucket", x_amz_bucket_object_lock_enabled="true")),
        *_acl_headers("CreateBucket"),
        ("InvalidBucketAclWithObjectOwnership", 400, "an ACL for a bucket without ACLs",
         _good("CreateBucket", x_amz_acl="public-read",
               x_amz_object_ownership="BucketOwnerEnforced")),
        ("BadDigest", 400, "a Content-MD5 of other bytes",
         _good("CreateBucket", body="<CreateBucketConfiguration/>",
               Content_MD5="1B2M2Y8AsgTpgAmY7PhCfg==")),
    ),
    *_of("DeleteBucket", ("BucketNotEmpty", 409, "a bucket with objects", GOOD["DeleteBucket"]),
         ("BucketNotEmpty", 409, "a bucket with delete markers",
          _good("DeleteBucket", path="/{versioned}"))),
    *_of("GetBucketTagging",
         ("NoSuchTagSet", 404, "a bucket without tags",
          _good("GetBucketTagging", path="/{bucket}"))),
    *_locks(),
    *[Row(name, "NoSuchConfiguration", 404, "any id", GOOD[name])
      for name in UNCONFIGURED if name.startswith("GetBucket") and "&id=" in UNCONFIGURED[name]],
    *_of("GetBucketReplication", ("ReplicationConfigurationNotFoundError", 404, "any bucket",
                                  GOOD["GetBucketReplication"])),
    *_of("GetBucketLifecycleConfiguration",
         ("NoSuchLifecycleConfiguration", 404, "a bucket without rules",
          _good("GetBucketLifecycleConfiguration", path="/{bucket}"))),
    *_bad_rules(),
    *_of(
        "GetBucketEncryption",
        ("ServerSideEncryptionConfigurationNotFoundError", 404, "nothing encrypts the bucket",
         _good("GetBucketEncryption", path="/{bucket}")),
    ),
    *_of(
        "PutBucketEncryption",
        ("MissingRequestBodyError", 400, "no body", _good("PutBucketEncryption", body="")),
        ("NotImplemented", 501, "a default that takes a master key, on a server without one",
         _good("PutBucketEncryption")._replace(body=encryption_rule("AES256"))),
        ("MalformedXML", 400, "a method that does not exist",
         _good("PutBucketEncryption")._replace(body=encryption_rule("DES"))),
        ("NotImplemented", 501, "dual-layer encryption",
         _good("PutBucketEncryption")._replace(body=encryption_rule("aws:kms:dsse"))),
        ("InvalidArgument", 400, "a KMS key for a method without one",
         _good("PutBucketEncryption")._replace(body=encryption_rule("AES256", "k"))),
    ),
    *_of(
        "UpdateObjectEncryption",
        ("MissingRequestBodyError", 400, "no body", _good("UpdateObjectEncryption", body="")),
        ("InvalidRequest", 400, "an object that is not encrypted", _good("UpdateObjectEncryption")),
        ("InvalidRequest", 400, "a key without its ARN",
         _good("UpdateObjectEncryption")._replace(body=to_kms_key("k"))),
        ("InvalidRequest", 400, "another type than SSE-KMS",
         _good("UpdateObjectEncryption")._replace(
             body="<ObjectEncryption><SSE-S3/></ObjectEncryption>")),
    ),
    *_bad_tags("PutBucketTagging", 50),
    *_bad_tags("PutObjectTagging", 10),
    *_of(
        "PutBucketVersioning",
        ("MissingRequestBodyError", 400, "no body", _good("PutBucketVersioning", body="")),
        ("IllegalVersioningConfigurationException", 400, "no Status",
         _good("PutBucketVersioning", body="<VersioningConfiguration/>")),
        ("MalformedXML", 400, "an unknown Status",
         _good("PutBucketVersioning", body="<VersioningConfiguration><Status>On</Status>"
               "</VersioningConfiguration>")),
        ("InvalidBucketState", 409, "suspending it in a bucket with object lock",
         _good("PutBucketVersioning", path="/{locked}", body="<VersioningConfiguration><Status>"
               "Suspended</Status></VersioningConfiguration>")),
        ("NotImplemented", 501, "MFA delete",
         _good("PutBucketVersioning", body="<VersioningConfiguration><Status>Enabled</Status>"
               "<MfaDelete>Enabled</MfaDelete></VersioningConfiguration>")),
    ),
    *_of("GetBucketPolicy",
         ("NoSuchBucketPolicy", 404, "a bucket without a policy",
          _good("GetBucketPolicy", path="/{bucket}"))),
    *_of("GetBucketPolicyStatus",
         ("NoSuchBucketPolicy", 404, "a bucket without a policy",
          _good("GetBucketPolicyStatus", path="/{bucket}"))),
    *_of("GetPublicAccessBlock",
         ("NoSuchPublicAccessBlockConfiguration", 404, "a bucket without a public access block",
          _good("GetPublicAccessBlock", path="/{bucket}"))),
    *_of("GetBucketOwnershipControls",
         ("OwnershipControlsNotFoundError", 404, "a bucket whose controls were deleted",
          _good("GetBucketOwnershipControls", path="/{uncontrolled}"))),
    *[Row("PutBucketPolicy", "MalformedPolicy", 400, trigger, _good("PutBucketPolicy", body=body))
      for trigger, body in (
          ("no body", ""),
          ("a body that is no JSON", "<Policy/>"),
          ("JSON that is cut off", POLICY[:-1]),
          ("no Statement", "{}"),
          ("a field twice", POLICY.replace("{", '{"Version": "2012-10-17", ', 1)),
          ("a resource of another bucket", POLICY.replace("{bucket}", "{foreign}")),
          ("a principal that cannot be", POLICY.replace("000000000001", "bob")),
          ("an action that there is not", POLICY.replace("GetObject", "GetObjects")),
          ("an action on the bucket for objects", POLICY.replace("GetObject", "ListBucket")),
          ("an unknown field", POLICY.replace("Effect", "Affect")),
          ("more than 20 KiB", POLICY.replace("secret", "s" * 20_480)),
          ("lists nested too deep", '{"Statement": ' + "[" * 20_000 + "]" * 20_000 + "}"),
      )],
    *_of("PutBucketPolicy",
         ("AccessDenied", 403, "a public policy where they are blocked",
          _good("PutBucketPolicy", path="/{blocked}", body=POLICY.replace("Deny", "Allow").replace(
              '{"AWS": "000000000001"}', '"*"').replace("{bucket}", "{blocked}")))),
    *_of("PutPublicAccessBlock",
         ("MissingRequestBodyError", 400, "no body", _good("PutPublicAccessBlock", body="")),
         ("MalformedXML", 400, "a flag that is neither true nor false",
          _good("PutPublicAccessBlock", body=BLOCK.replace("true", "maybe"))),
         ("MalformedXML", 400, "an unknown flag",
          _good("PutPublicAccessBlock", body=BLOCK.replace("BlockPublicAcls", "BlockAll")))),
    *_of("PutBucketOwnershipControls",
         ("MissingRequestBodyError", 400, "no body", _good("PutBucketOwnershipControls", body="")),
         ("MalformedXML", 400, "an ownership that there is not",
          _good("PutBucketOwnershipControls", body=OWNERSHIP.replace("BucketOwnerPreferred", "X"))),
         ("MalformedXML", 400, "no rule",
          _good("PutBucketOwnershipControls", body="<OwnershipControls/>"))),
    *_counts("ListObjects", "max-keys"),
    *_counts("ListObjectsV2", "max-keys"),
    *_counts("ListObjectVersions", "max-keys"),
    *_counts("ListMultipartUploads", "max-uploads"),
    *_counts("ListParts", "max-parts"),
    *_counts("ListParts", "part-number-marker"),
    *[Row(name, "InvalidArgument", 400, "an unknown encoding-type",
          _good(name, "encoding-type=base64"))
      for name in ("ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads")],
    *_of(
        "ListObjectsV2",
        ("InvalidArgument", 400, "list-type 3",
         GOOD["ListObjectsV2"]._replace(query="list-type=3")),
        ("InvalidArgument", 400, "a continuation token that was not given out",
         _good("ListObjectsV2", "continuation-token=rubbish")),
        ("InvalidArgument", 400, "an empty continuation token",
         _good("ListObjectsV2", "continuation-token=")),
    ),
    *_of(
        "ListObjectVersions",
        ("InvalidArgument", 400, "version-id-marker without key-marker",
         _good("ListObjectVersions", "version-id-marker={version}")),
        ("InvalidArgument", 400, "a version-id-marker that is none",
         _good("ListObjectVersions", "key-marker=k&version-id-marker=rubbish")),
        ("InvalidArgument", 400, "a versionId", _good("ListObjectVersions", "versionId=null")),
    ),
    *_of(
        "ListMultipartUploads",
        ("InvalidArgument", 400, "an upload-id-marker that is none",
         _good("ListMultipartUploads", "key-marker=k&upload-id-marker=rubbish")),
    ),
    *_reads("GetObject"),
    *_reads("HeadObject"),
    *_of(
        "GetObjectAttributes",
        ("InvalidArgument", 400, "an attribute that does not exist",
         _good("GetObjectAttributes", x_amz_object_attributes="ETag,Colour")),
        ("InvalidArgument", 400, "no attributes",
         GOOD["GetObjectAttributes"]._replace(headers={})),
        ("InvalidArgument", 400, "x-amz-max-parts that is no number",
         _good("GetObjectAttributes", x_amz_max_parts="x")),
        ("InvalidArgument", 400, "x-amz-part-number-marker that is no number",
         _good("GetObjectAttributes", x_amz_part_number_marker="x")),
    ),
    *_puts_acl("PutBucketAcl"),
    *_puts_acl("PutObjectAcl"),
    *_headers_of_new_objects("PutObject"),
    *_headers_of_new_objects("CopyObject"),
    *_headers_of_new_objects("CreateMultipartUpload"),
    *_digests("PutObject"),
    *_digests("UploadPart"),
    *_conditional_writes("PutObject", OBJECT, "/{bucket}/new"),
    *_conditional_writes("CopyObject", OBJECT, "/{bucket}/new"),
    *_conditional_writes("CompleteMultipartUpload", OBJECT, "/{bucket}/parts",
                         "uploadId={onobject}"),
    *_of(
        "PutObject",
        ("EntityTooLarge", 400, "a Content-Length above 5 GiB, before the body is sent",
         _good("PutObject", Content_Length=str(5 * 1024**3 + 1))._replace(how="expect")),
        ("EntityTooLarge", 400, "x-amz-decoded-content-length above 5 GiB",
         _good("PutObject")._replace(mode=SIGNED_CHUNKS, declared_length=5 * 1024**3 + 1)),
        ("InvalidArgument", 400, "x-amz-decoded-content-length that is no number",
         _good("PutObject")._replace(how="bad-decoded-length", mode=SIGNED_CHUNKS)),
        ("InvalidChunkSizeError", 403, "a short chunk before another",
         _good("PutObject", body=b"x" * 20)._replace(
             mode=SIGNED_CHUNKS, chunks=(b"x" * 10, b"x" * 10))),
        ("SignatureDoesNotMatch", 403, "a chunk with another signature",
         _good("PutObject")._replace(mode=SIGNED_CHUNKS, bad="chunk-signature")),
        ("SignatureDoesNotMatch", 403, "a last chunk with another signature",
         _good("PutObject")._replace(mode=SIGNED_CHUNKS, bad="last")),
        ("SignatureDoesNotMatch", 403, "a trailer with another signature",
         _good("PutObject")._replace(mode=SIGNED_TRAILER, bad="trailer-signature")),
        ("IncompleteBody", 400, "a declared length below the chunks' sum",
         _good("PutObject")._replace(mode=SIGNED_CHUNKS, declared_length=1)),
        ("InvalidRequest", 400, "an x-amz-trailer that is no checksum",
         _good("PutObject")._replace(mode=UNSIGNED_TRAILER, trailers={"x-amz-meta-a": "1"})),
        ("MalformedTrailerError", 400, "the mode of trailers without a trailer",
         _good("PutObject")._replace(mode=SIGNED_TRAILER, trailers={})),
        ("MalformedTrailerError", 400, "x-amz-trailer in a mode without trailers",
         _good("PutObject", x_amz_trailer="x-amz-checksum-crc32")._replace(mode=UNSIGNED)),
        ("InvalidRequest", 400, "a malformed checksum in a trailer",
         _good("PutObject")._replace(
             mode=UNSIGNED_TRAILER, trailers={"x-amz-checksum-crc32": "AAA="})),
        ("InvalidArgument", 400, "partNumber without uploadId", _good("PutObject", "partNumber=1")),
        ("InvalidArgument", 400, "a versionId", _good("PutObject", "versionId=null")),
        ("InvalidArgument", 400, "uploadId without partNumber",
         _good("PutObject", "uploadId={upload}")),
    ),
    *_of(
        "PutObject",
        ("InvalidWriteOffset", 400, "an append that does not begin at the object's end",
         _good("PutObject", path=OBJECT, x_amz_write_offset_bytes="9")),
        ("InvalidWriteOffset", 400, "an append to a key that does not exist",
         _good("PutObject", x_amz_write_offset_bytes="1")),
        ("InvalidArgument", 400, "an offset that is no number",
         _good("PutObject", path=OBJECT, x_amz_write_offset_bytes="end")),
        ("PreconditionFailed", 412, "an append with If-Match and another ETag",
         _good("PutObject", path=OBJECT, x_amz_write_offset_bytes="10",
               If_Match='"{other_etag}"')),
        ("InvalidRequest", 400, "an append with other metadata",
         _good("PutObject", path=OBJECT, x_amz_write_offset_bytes="10", x_amz_meta_a="1")),
        ("BadDigest", 400, "an append with a CRC-32 of other bytes",
         _good("PutObject", path=OBJECT, x_amz_write_offset_bytes="10",
               x_amz_checksum_crc32="AAAAAA==")),
    ),
    *_renames(),
    *_sources("CopyObject"),
    *_of(
        "CopyObject",
        ("InvalidRequest", 400, "a copy onto itself that changes nothing",
         _good("CopyObject", path=OBJECT)),
        ("InvalidArgument", 400, "an unknown metadata directive",
         _good("CopyObject", x_amz_metadata_directive="MERGE")),
        ("InvalidArgument", 400, "an unknown tagging directive",
         _good("CopyObject", x_amz_tagging_directive="MERGE")),
        ("InvalidArgument", 400, "a source's encryption key that is missing",
         _good("CopyObject", x_amz_copy_source_server_side_encryption_customer_algorithm="AES256")),
    ),
    *_of(
        "DeleteObject",
        ("PreconditionFailed", 412, "If-Match with another ETag",
         _good("DeleteObject", If_Match='"{other_etag}"')),
        ("PreconditionFailed", 412, "x-amz-if-match-size of another size",
         _good("DeleteObject", x_amz_if_match_size="3")),
        ("PreconditionFailed", 412, "x-amz-if-match-last-modified-time of another time",
         _good("DeleteObject",
               x_amz_if_match_last_modified_time="Thu, 01 Jan 1970 00:00:00 GMT")),
        ("InvalidArgument", 400, "x-amz-if-match-size that is no number",
         _good("DeleteObject", x_amz_if_match_size="many")),
        ("InvalidArgument", 400, "x-amz-if-match-last-modified-time that is no time",
         _good("DeleteObject", x_amz_if_match_last_modified_time="now")),
        ("NoSuchKey", 404, "If-Match on a key that does not exist",
         _good("DeleteObject", path="/{bucket}/nothing", If_Match='"{etag}"')),
        ("NotImplemented", 501, "If-None-Match", _good("DeleteObject", If_None_Match="*")),
        ("AccessDenied", 403, "a version that is locked",
         _good("DeleteObject", "versionId={lockversion}", path=LOCKED)),
        ("AccessDenied", 403, "a version in compliance mode, with the bypass",
         _good("DeleteObject", "versionId={lockversion}", path=LOCKED,
               x_amz_bypass_governance_retention="true")),
        ("NotImplemented", 501, "an MFA token", _good("DeleteObject", x_amz_mfa="1 2")),
        ("InvalidArgument", 400, "a versionId that no version can have",
         _good("DeleteObject", "versionId=rubbish")),
        ("InvalidArgument", 400, "an empty versionId", _good("DeleteObject", "versionId=")),
    ),
    *_of(
        "DeleteObjects",
        ("MissingRequestBodyError", 400, "no body", _good("DeleteObjects", body="")),
        ("MalformedXML", 400, "no object", _good("DeleteObjects", body="<Delete/>")),
        ("MalformedXML", 400, "an object without a key",
         _good("DeleteObjects", body="<Delete><Object/></Delete>")),
        ("MalformedXML", 400, "1,001 objects",
         _good("DeleteObjects", body="<Delete>" + "<Object><Key>k</Key></Object>" * 1001
               + "</Delete>")),
        ("MalformedXML", 400, "an unknown element",
         _good("DeleteObjects", body="<Delete><Object><Key>k</Key><Colour/></Object></Delete>")),
        ("MalformedXML", 400, "a size that is no number",
         _good("DeleteObjects", body="<Delete><Object><Key>k</Key><Size>one</Size></Object>"
               "</Delete>")),
        ("BadDigest", 400, "a CRC-32 of other bytes",
         _good("DeleteObjects", x_amz_checksum_crc32="AAAAAA==")),
    ),
    Row("DeleteObjects", "AccessDenied", 200, "a key that was granted nothing",
        GOOD["DeleteObjects"]._replace(who="bob"), inside=True),
    Row("DeleteObjects", "AccessDenied", 200, "a version that is locked",
        _good("DeleteObjects", path="/{locked}", body="<Delete><Object><Key>object</Key><VersionId>"
              "{lockversion}</VersionId></Object></Delete>"), inside=True),
    Row("DeleteObjects", "NoSuchVersion", 200, "a VersionId that no version can have",
        _good("DeleteObjects", body="<Delete><Object><Key>object</Key><VersionId>rubbish"
              "</VersionId></Object></Delete>"), inside=True),
    Row("DeleteObjects", "PreconditionFailed", 200, "an ETag that is not the object's",
        _good("DeleteObjects", body="<Delete><Object><Key>object</Key><ETag>{other_etag}</ETag>"
              "</Object></Delete>"), inside=True),
    Row("DeleteObjects", "PreconditionFailed", 200, "a Size that is not the object's",
        _good("DeleteObjects", body="<Delete><Object><Key>object</Key><Size>3</Size></Object>"
              "</Delete>"), inside=True),
    Row("DeleteObjects", "PreconditionFailed", 200, "a LastModifiedTime that is not the object's",
        _good("DeleteObjects", body="<Delete><Object><Key>object</Key><LastModifiedTime>"
              "1970-01-01T00:00:00Z</LastModifiedTime></Object></Delete>"), inside=True),
    Row("DeleteObjects", "KeyTooLongError", 200, "a key of 1,025 bytes",
        _good("DeleteObjects", body=f"<Delete><Object><Key>{'k' * 1025}</Key></Object></Delete>"),
        inside=True),
    *_of(
        "CreateMultipartUpload",
        ("InvalidRequest", 400, "a checksum type that does not exist",
         _good("CreateMultipartUpload", x_amz_checksum_algorithm="CRC32",
               x_amz_checksum_type="HALF")),
        ("InvalidRequest", 400, "a checksum type without an algorithm",
         _good("CreateMultipartUpload", x_amz_checksum_type="FULL_OBJECT")),
        ("InvalidRequest", 400, "SHA256 with FULL_OBJECT",
         _good("CreateMultipartUpload", x_amz_checksum_algorithm="SHA256",
               x_amz_checksum_type="FULL_OBJECT")),
        ("InvalidRequest", 400, "XXHASH64 with FULL_OBJECT",
         _good("CreateMultipartUpload", x_amz_checksum_algorithm="XXHASH64",
               x_amz_checksum_type="FULL_OBJECT")),
        ("InvalidRequest", 400, "CRC64NVME with COMPOSITE",
         _good("CreateMultipartUpload", x_amz_checksum_algorithm="CRC64NVME",
               x_amz_checksum_type="COMPOSITE")),
    ),
    *[row for name in ("AbortMultipartUpload", "CompleteMultipartUpload", "ListParts",
                       "UploadPart", "UploadPartCopy") for row in _no_upload(name)],
    *_of("AbortMultipartUpload", ("NoSuchUpload", 404, "an upload that was completed",
                                  Recipe("DELETE", "/{bucket}/multi", "uploadId={done}"))),
    *_of("ListParts", ("NoSuchUpload", 404, "an upload that was completed",
                       Recipe("GET", "/{bucket}/multi", "uploadId={done}"))),
    *_of("UploadPart", ("NoSuchUpload", 404, "an upload that was completed",
                        Recipe("PUT", "/{bucket}/multi", "partNumber=1&uploadId={done}",
                               body=b"x"))),
    *_part_numbers("UploadPart"),
    *_part_numbers("UploadPartCopy"),
    *_of(
        "UploadPart",
        ("EntityTooLarge", 400, "x-amz-decoded-content-length above 5 GiB",
         _good("UploadPart")._replace(mode=SIGNED_CHUNKS, declared_length=5 * 1024**3 + 1)),
        ("InvalidEncryptionAlgorithmError", 400, "a customer's key for another algorithm",
         _good("UploadPart", x_amz_server_side_encryption_customer_algorithm="AES128")),
        ("InvalidRequest", 400, "a customer's key for an upload without one",
         _good("UploadPart", **CUSTOMER_KEY)),
        ("InvalidRequest", 400, "a checksum of another algorithm than the upload's",
         Recipe("PUT", "/{bucket}/composite", "partNumber=2&uploadId={composite}",
                {"x-amz-checksum-sha1": "2jmj7l5rSw0yVb/vlWAYkK/YBwk="})),
        ("InvalidChunkSizeError", 403, "a short chunk before another",
         _good("UploadPart", body=b"x" * 20)._replace(
             mode=SIGNED_CHUNKS, chunks=(b"x" * 10, b"x" * 10))),
        ("InvalidRequest", 400, "no checksum for a composite upload",
         Recipe("PUT", "/{bucket}/composite", "partNumber=2&uploadId={composite}", body=b"x")),
    ),
    *_sources("UploadPartCopy"),
    *[Row("UploadPartCopy", "InvalidArgument", 400, trigger,
          _good("UploadPartCopy", x_amz_copy_source=OBJECT, x_amz_copy_source_range=value))
      for trigger, value in (
          ("a range beyond the source", "bytes=0-10"), ("a range without an end", "bytes=0-"),
          ("a range of another unit", "lines=0-1"), ("a range that is backwards", "bytes=5-1"),
          ("a suffix range", "bytes=-5"),
      )],
    *_of(
        "CompleteMultipartUpload",
        ("InvalidRequest", 400, "no body", _good("CompleteMultipartUpload", body="")),
        ("MalformedXML", 400, "no parts",
         _good("CompleteMultipartUpload", body="<CompleteMultipartUpload/>")),
        ("InvalidPart", 400, "a part that was not uploaded",
         _good("CompleteMultipartUpload", body=part_list((9, "{etag1}")))),
        ("InvalidPart", 400, "a part with another ETag",
         _good("CompleteMultipartUpload", body=part_list((1, "{other_etag}")))),
        ("InvalidPart", 400, "a part with another checksum",
         _good("CompleteMultipartUpload", body=part_list(
             (1, "{etag1}"), more="<ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME>"))),
        ("InvalidPartOrder", 400, "parts in descending order",
         _good("CompleteMultipartUpload", body=part_list((2, "{etag2}"), (1, "{etag1}")))),
        ("InvalidPartOrder", 400, "a part twice",
         _good("CompleteMultipartUpload", body=part_list((1, "{etag1}"), (1, "{etag1}")))),
        ("EntityTooSmall", 400, "a part below 5 MiB that is not the last",
         _good("CompleteMultipartUpload", body=part_list((1, "{etag1}"), (2, "{etag2}")))),
        ("InvalidArgument", 400, "part number 0",
         _good("CompleteMultipartUpload", body=part_list((0, "{etag1}")))),
        ("InvalidArgument", 400, "part number 10001",
         _good("CompleteMultipartUpload", body=part_list((10001, "{etag1}")))),
        ("MalformedXML", 400, "a part without an ETag",
         _good("CompleteMultipartUpload", body="<CompleteMultipartUpload><Part><PartNumber>1"
               "</PartNumber></Part></CompleteMultipartUpload>")),
        ("MalformedXML", 400, "a part number that is none",
         _good("CompleteMultipartUpload", body="<CompleteMultipartUpload><Part><PartNumber>one"
               "</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>")),
        ("BadDigest", 400, "another checksum of the whole object",
         _good("CompleteMultipartUpload", x_amz_checksum_crc64nvme="AAAAAAAAAAA=")),
        ("InvalidRequest", 400, "a checksum of another algorithm than the upload's",
         _good("CompleteMultipartUpload", x_amz_checksum_sha1="2jmj7l5rSw0yVb/vlWAYkK/YBwk=")),
        ("InvalidRequest", 400, "another checksum type than the upload's",
         _good("CompleteMultipartUpload", x_amz_checksum_type="COMPOSITE")),
        ("InvalidRequest", 400, "another x-amz-mp-object-size",
         _good("CompleteMultipartUpload", x_amz_mp_object_size="1")),
        ("InvalidRequest", 400, "an x-amz-mp-object-size that is no number",
         _good("CompleteMultipartUpload", x_amz_mp_object_size="all")),
        ("InvalidRequest", 400, "a composite upload without the checksums of its parts",
         Recipe("POST", "/{bucket}/composite", "uploadId={composite}",
                body=part_list((1, "{compositeetag}")))),
        ("NoSuchUpload", 404, "a completed upload with another list of parts",
         Recipe("POST", "/{bucket}/multi", "uploadId={done}", body=part_list((2, "{etag1}")))),
    ),
]

SPECIFIC += [
    *_of(
        "GetBucketCors",
        ("NoSuchCORSConfiguration", 404, "a bucket without CORS rules",
         _good("GetBucketCors", path="/{bucket}")),
    ),
    *_of(
        "PutBucketCors",
        ("MissingRequestBodyError", 400, "no body", _good("PutBucketCors", body="")),
        ("MalformedXML", 400, "no rules",
         _good("PutBucketCors", body="<CORSConfiguration></CORSConfiguration>")),
        ("InvalidRequest", 400, "a method that CORS rules cannot have",
         _good("PutBucketCors", body=cors("PATCH"))),
        ("InvalidRequest", 400, "an origin with two wildcards",
         _good("PutBucketCors", body=cors("GET", "http://*.*"))),
        ("InvalidRequest", 400, "an exposed header with a wildcard",
         _good("PutBucketCors", body=cors("GET", more="<ExposeHeader>x-*</ExposeHeader>"))),
        ("InvalidRequest", 400, "101 rules",
         _good("PutBucketCors", body=cors("GET").replace(
             "<CORSRule>", "<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET"
             "</AllowedMethod></CORSRule>" * 100 + "<CORSRule>"))),
    ),
]



INDEX = "<IndexDocument><Suffix>i</Suffix></IndexDocument>"


def _website(inner: str, index: str = INDEX) -> Recipe:
    document = f"<WebsiteConfiguration>{index}{inner}</WebsiteConfiguration>"
    return _good("PutBucketWebsite", body=document)


def _website_rule(condition: str, redirect: str) -> Recipe:
    condition = f"<Condition>{condition}</Condition>"
    rule = f"<RoutingRule>{condition}<Redirect>{redirect}</Redirect></RoutingRule>"
    return _website(f"<RoutingRules>{rule}</RoutingRules>")


HERE = "<HostName>h</HostName>"
SPECIFIC += [
    *_of(
        "GetBucketWebsite",
        ("NoSuchWebsiteConfiguration", 404, "a bucket that is no website",
         _good("GetBucketWebsite", path="/{bucket}")),
    ),
    *_of(
        "PutBucketWebsite",
        ("MissingRequestBodyError", 400, "no body", _good("PutBucketWebsite", body="")),
        ("InvalidArgument", 400, "no index document", _website("", "")),
        ("InvalidArgument", 400, "an index document with a slash",
         _website("", "<IndexDocument><Suffix>a/b</Suffix></IndexDocument>")),
        ("InvalidArgument", 400, "an empty error document",
         _website("<ErrorDocument><Key/></ErrorDocument>")),
        ("InvalidRequest", 400, "a redirection of everything beside an index document",
         _website(f"<RedirectAllRequestsTo>{HERE}</RedirectAllRequestsTo>")),
        ("InvalidRequest", 400, "an unknown protocol",
         _website(f"<RedirectAllRequestsTo>{HERE}<Protocol>ftp</Protocol></RedirectAllRequestsTo>",
                  "")),
        ("InvalidRequest", 400, "a routing rule with an empty condition", _website_rule("", HERE)),
        ("InvalidRequest", 400, "a routing rule for a status that is no error", _website_rule(
            "<HttpErrorCodeReturnedEquals>200</HttpErrorCodeReturnedEquals>", HERE)),
        ("InvalidRequest", 400, "a routing rule with a status that is no redirect", _website_rule(
            "<KeyPrefixEquals>a</KeyPrefixEquals>", "<HttpRedirectCode>300</HttpRedirectCode>")),
        ("InvalidRequest", 400, "a routing rule that replaces the key twice", _website_rule(
            "<KeyPrefixEquals>a</KeyPrefixEquals>",
            "<ReplaceKeyWith>a</ReplaceKeyWith><ReplaceKeyPrefixWith>b</ReplaceKeyPrefixWith>")),
        ("MalformedXML", 400, "a routing rule that redirects nowhere",
         _website_rule("<KeyPrefixEquals>a</KeyPrefixEquals>", "")),
    ),
]
FORM = {"Content-Type": "multipart/form-data; boundary=bound"}
FIELD = '--bound\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
END = "--bound--\r\n"


def _form(*fields: tuple[str, str], file: bool = True, **more: Any) -> Recipe:
    """An anonymous form."""
    body = "".join(FIELD.format(*field) for field in fields)
    body += (FIELD.format("file", "data") if file else "") + END
    recipe = Recipe("POST", "/{bucket}", headers=FORM, body=body.encode(), how="anonymous")
    return recipe._replace(**more)


SIGNATURE = (("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
             ("X-Amz-Credential", "Z4UNKNOWN/20260101/us-east-1/s3/aws4_request"),
             ("X-Amz-Date", "20260101T000000Z"), ("X-Amz-Signature", "0" * 64))
SPECIFIC += _of(
    "PostObject",
    ("AccessDenied", 403, "a form without a policy", _form(("key", "k"))),
    ("AccessDenied", 403, "a form to a bucket that does not exist",
     _form(("key", "k"), path="/{absent}")),
    ("InvalidArgument", 400, "a form without a key", _form()),
    ("InvalidArgument", 400, "a policy without a signature",
     _form(("key", "k"), ("policy", "e30="))),
    ("InvalidArgument", 400, "a field that comes twice", _form(("key", "k"), ("key", "l"))),
    ("InvalidArgument", 400, "a form in a signed request", _form(("key", "k"), how="header")),
    ("InvalidRequest", 400, "Signature Version 2 in a form",
     _form(("key", "k"), ("policy", "e30="), ("AWSAccessKeyId", "A"), ("signature", "s"))),
    ("InvalidAccessKeyId", 403, "an unknown access key in a form",
     _form(("key", "k"), ("policy", "e30="), *SIGNATURE)),
    ("InvalidToken", 400, "a session token in a form",
     _form(("key", "k"), ("policy", "e30="), ("x-amz-security-token", "t"), *SIGNATURE)),
    ("IncorrectNumberOfFilesInPostRequest", 400, "a form without a file",
     _form(("key", "k"), file=False)),
    ("MalformedPOSTRequest", 400, "a body that is no form",
     Recipe("POST", "/{bucket}", headers=FORM, body=b"no form", how="anonymous")),
    ("MalformedPOSTRequest", 400, "a form without a boundary",
     _form(("key", "k"), headers={"Content-Type": "multipart/form-data"})),
    ("MaxPostPreDataLengthExceededError", 400, "more than 20 KiB before the file",
     _form(("key", "k"), ("x-ignore-a", "x" * 20_480))),
    ("NotImplemented", 501, "a field that asks for what is not there",
     _form(("key", "k"), ("x-amz-write-offset-bytes", "0"))),
    ("KeyTooLongError", 400, "a key of 1,025 bytes", _form(("key", "k" * 1025))),
)

PREFLIGHT = {"Origin": "http://a", "Access-Control-Request-Method": "GET"}
NO_OPERATION: list[Row] = [
    Row("", "MethodNotAllowed", 405, f"{method} {path}", Recipe(method, path))
    for method, path in (
        ("PUT", "/"), ("POST", "/"), ("DELETE", "/"), ("POST", OBJECT),
        ("PATCH", OBJECT), ("PATCH", "/{bucket}"),
    )
] + [
    Row("", "MethodNotAllowed", 405, f"{method} ?{marker}", Recipe(method, path, marker))
    for method, path, marker in (
        ("PUT", "/{bucket}", "location"), ("DELETE", "/{bucket}", "versioning"),
        ("PUT", "/{bucket}", "versions"), ("GET", "/{bucket}", "delete"),
        ("DELETE", OBJECT, "attributes"), ("DELETE", OBJECT, "uploads"),
    )
] + [
    Row("", "AccessForbidden", 403, "OPTIONS without a CORS configuration",
        Recipe("OPTIONS", OBJECT, how="anonymous", headers=PREFLIGHT)),
    Row("", "AccessForbidden", 403, "OPTIONS on a bucket that does not exist",
        Recipe("OPTIONS", "/{absent}/object", how="anonymous", headers=PREFLIGHT)),
    Row("", "AccessForbidden", 403, "OPTIONS for a method that no CORS rule allows",
        Recipe("OPTIONS", "/{versioned}/object", how="anonymous",
               headers={**PREFLIGHT, "Access-Control-Request-Method": "PUT"})),
    Row("", "BadRequest", 400, "OPTIONS without an Origin",
        Recipe("OPTIONS", "/{versioned}/object", how="anonymous")),
    Row("", "BadRequest", 400, "OPTIONS without a method to ask for",
        Recipe("OPTIONS", "/{versioned}/object", how="anonymous", headers={"Origin": "http://a"})),
    Row("", "InvalidArgument", 400, "two subresources",
        Recipe("GET", "/{bucket}", "versioning&tagging")),
    Row("", "PreconditionFailed", 412, "POST to a bucket that is no form",
        Recipe("POST", "/{bucket}", body=b"x")),
    Row("", "InvalidURI", 400, "257 query parameters",
        Recipe("GET", "/{bucket}", "&".join(f"p{n}=1" for n in range(257)))),
]


def _unsupported() -> Iterator[Row]:
    """Every operation of S3 that is not there, by name."""
    for name, operation in sorted(OPERATIONS.items()):
        if name in SUPPORTED or name in ("GetBucketLifecycle", "GetBucketNotification",
                                         "PutBucketLifecycle", "PutBucketNotification"):
            continue
        path = {"service": "/", "bucket": "/{bucket}", "object": OBJECT}[operation.level]
        query = "&".join([operation.marker, *(f"{item}=x" for item in operation.required)])
        headers: dict[str, str] = {}
        if name == "ListDirectoryBuckets":
            query = "max-directory-buckets=1"
        elif name == "WriteGetObjectResponse":
            path = "/WriteGetObjectResponse"
            headers = {"x-amz-request-route": "r", "x-amz-request-token": "t"}
        yield Row(name, "NotImplemented", 501, f"the operation {name}",
                  Recipe(operation.method, path, query.strip("&"), headers))


def _notifies(**document: str) -> Recipe:
    return _good("PutBucketNotificationConfiguration", body=notifying(CREATED, **document))


CREATED = "s3:ObjectCreated:*"
SPECIFIC += _of(
    "PutBucketNotificationConfiguration",
    ("MissingRequestBodyError", 400, "no body",
     _good("PutBucketNotificationConfiguration", body="")),
    ("InvalidArgument", 400, "an unknown event",
     _good("PutBucketNotificationConfiguration", body=notifying("s3:ObjectEaten"))),
    ("InvalidArgument", 400, "a malformed ARN", _notifies(arn="queue")),
    ("InvalidArgument", 400, "a destination that is not there", _notifies()),
    ("InvalidArgument", 400, "overlapping configurations",
     _good("PutBucketNotificationConfiguration",
           body=notifying(CREATED, "s3:ObjectCreated:Put"))),
    ("InvalidArgument", 400, "one ID twice",
     _good("PutBucketNotificationConfiguration",
           body=notifying(CREATED, "s3:ObjectAcl:Put", more="<Id>same</Id>"))),
    ("InvalidArgument", 400, "a filter on another part of the key",
     _notifies(more=_filter(("infix", "a")))),
    ("InvalidArgument", 400, "two prefixes in a filter",
     _notifies(more=_filter(("prefix", "a"), ("prefix", "b")))),
    ("InvalidArgument", 400, "a filter above 1,024 bytes",
     _notifies(more=_filter(("suffix", "x" * 1025)))),
    ("MalformedXML", 400, "a configuration without an event",
     _good("PutBucketNotificationConfiguration",
           body=notifying(CREATED).replace(f"<Event>{CREATED}</Event>", ""))),
    ("InvalidArgument", 400, "x-amz-skip-destination-validation that is no truth value",
     _good("PutBucketNotificationConfiguration", x_amz_skip_destination_validation="perhaps")),
)
SPECIFIC += _of(
    "PutBucketLogging",
    ("MissingRequestBodyError", 400, "no body", _good("PutBucketLogging", body="")),
    ("InvalidTargetBucketForLogging", 400, "a target that does not exist",
     _good("PutBucketLogging", body=logging("{absent}"))),
    ("InvalidTargetBucketForLogging", 400, "a target of another account",
     _good("PutBucketLogging", body=logging("{foreign}"))),
    ("NotImplemented", 501, "target grants",
     _good("PutBucketLogging",
           body=logging("{bucket}", "<TargetGrants><Grant/></TargetGrants>"))),
    ("MalformedXML", 400, "a key format that is none",
     _good("PutBucketLogging",
           body=logging("{bucket}", "<TargetObjectKeyFormat><X/></TargetObjectKeyFormat>"))),
)


def _named(name: str, annotation: str) -> Recipe:
    return GOOD[name]._replace(query=f"annotation&annotationName={annotation}")


SPECIFIC += _of(
    "PutObjectAnnotation",
    ("InvalidAnnotationName", 400, "an empty name", _named("PutObjectAnnotation", "")),
    ("InvalidAnnotationName", 400, "a reserved name", _named("PutObjectAnnotation", "AWS.x")),
    ("InvalidAnnotationName", 400, "a name that climbs",
     _named("PutObjectAnnotation", "..%2F..%2Fx")),
    ("AnnotationNameTooLong", 400, "a name of 513 bytes",
     _named("PutObjectAnnotation", "x" * 513)),
    ("InvalidArgument", 400, "no name",
     GOOD["PutObjectAnnotation"]._replace(query="annotation")),
    ("InvalidRequest", 400, "an empty text", _good("PutObjectAnnotation", body=b"")),
    ("UnsupportedMediaType", 415, "bytes that are no UTF-8",
     _good("PutObjectAnnotation", body=b"\xff\xfe")),
    ("EntityTooLarge", 400, "more than 1 MiB",
     _good("PutObjectAnnotation", body=b"x" * (1024 * 1024 + 1))),
    ("PreconditionFailed", 412, "x-amz-object-if-match with another ETag",
     _good("PutObjectAnnotation", x_amz_object_if_match='"{other_etag}"')),
)
SPECIFIC += _of(
    "GetObjectAnnotation",
    ("NoSuchAnnotation", 404, "a name that nothing has", _named("GetObjectAnnotation", "other")),
    ("NoSuchAnnotation", 404, "a name that nothing can have",
     _named("GetObjectAnnotation", "a%00b")),
)
SPECIFIC += _of(
    "ListObjectAnnotations",
    ("InvalidPrefix", 400, "a prefix that no name has",
     _good("ListObjectAnnotations", "annotation-prefix=a%20b")),
    ("InvalidArgument", 400, "max-annotation-results 1001",
     _good("ListObjectAnnotations", "max-annotation-results=1001")),
    ("InvalidArgument", 400, "a token that is none",
     _good("ListObjectAnnotations", "continuation-token=rubbish")),
)
SPECIFIC += _of(
    "DeleteObjectAnnotation",
    ("InvalidArgument", 400, "no name",
     GOOD["DeleteObjectAnnotation"]._replace(query="annotation")),
    ("PreconditionFailed", 412, "x-amz-object-if-match with another ETag",
     _good("DeleteObjectAnnotation", x_amz_object_if_match='"{other_etag}"')),
)
SPECIFIC += _of(
    "CopyObject",
    ("InvalidArgument", 400, "an unknown annotation directive",
     _good("CopyObject", x_amz_object_annotation_directive="MOVE")),
)

COMMON: list[Row] = list(_common())
UNSUPPORTED: list[Row] = list(_unsupported())
ROWS: list[Row] = [*COMMON, *SPECIFIC, *NO_OPERATION, *UNSUPPORTED]
