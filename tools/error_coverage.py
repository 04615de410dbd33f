"""Writes ``doc/errors.rst``: the errors that are tested, and the documented ones that are not.

    python tools/error_coverage.py

The table is ``tests/conformance/error_cases.py``. What is documented is written down here, from
the Errors sections of the S3 API reference, the model of botocore, and the list of codes at
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html : each code with the operations
that it can concern. A pair that is neither tested nor explained stops the tool.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from tests.conformance.error_cases import (  # noqa: E402
    ALL,
    COMMON,
    JSON_DOCUMENTS,
    NO_OPERATION,
    ON_BUCKETS,
    ON_KEYS,
    ROWS,
    SPECIFIC,
    TAKES_DOCUMENT,
    UNSUPPORTED,
    VERSIONED,
    WITH_BODY,
    Row,
)

TARGET = ROOT / "doc" / "errors.rst"
DOCUMENTS = (*TAKES_DOCUMENT, "CreateBucket")
NEW_OBJECTS = ("CopyObject", "CreateMultipartUpload", "PutObject")
UPLOADS = ("AbortMultipartUpload", "CompleteMultipartUpload", "ListParts", "UploadPart",
           "UploadPartCopy")  # fmt: skip
COPIES = ("CopyObject", "UploadPartCopy")
CONDITIONAL = ("CompleteMultipartUpload", "CopyObject", "DeleteObject", "PutObject")
RENAMES = ("RenameObject",)
READS = ("GetObject", "HeadObject")
TAGGING = ("PutBucketTagging", "PutObjectTagging")
LOCKED_VERSIONS = ("GetObjectLegalHold", "GetObjectRetention", "PutObjectLegalHold",
                   "PutObjectRetention")  # fmt: skip
LOCKS = ("PutObjectLegalHold", "PutObjectLockConfiguration", "PutObjectRetention")
SETTINGS = ("CreateBucket", "DeleteBucket", "DeleteBucketEncryption",
            "DeleteBucketOwnershipControls", "DeleteBucketPolicy", "DeleteBucketTagging",
            "DeleteObjectTagging", "DeletePublicAccessBlock", "PutBucketEncryption",
            "PutBucketOwnershipControls", "PutBucketPolicy", "PutBucketVersioning",
            "PutObjectLockConfiguration", "PutPublicAccessBlock", *TAGGING)  # fmt: skip

DOCUMENTED: dict[str, Sequence[str]] = {
    "AccessDenied": ALL,
    "AuthorizationHeaderMalformed": ALL,
    "AuthorizationQueryParametersError": ALL,
    "BadDigest": WITH_BODY,
    "BucketAlreadyExists": ("CreateBucket",),
    "BucketAlreadyOwnedByYou": ("CreateBucket",),
    "BucketNotEmpty": ("DeleteBucket",),
    "ConditionalRequestConflict": (*CONDITIONAL, *RENAMES),
    "EncryptionTypeMismatch": ("PutObject",),
    "EntityTooLarge": ("CompleteMultipartUpload", "PutObject", "UploadPart"),
    "EntityTooSmall": ("CompleteMultipartUpload",),
    "ExpiredToken": ALL,
    "IdempotencyParameterMismatch": RENAMES,
    "IllegalLocationConstraintException": ("CreateBucket",),
    "IllegalVersioningConfigurationException": ("PutBucketVersioning",),
    "IncompleteBody": WITH_BODY,
    "InternalError": ALL,
    "InvalidAccessKeyId": ALL,
    "InvalidArgument": ALL,
    "InvalidBucketState": ("PutBucketVersioning", "PutObjectLockConfiguration"),
    "InvalidBucketName": tuple(name for name in ALL if name != "ListBuckets"),
    "InvalidBucketOwnerAWSAccountID": ON_BUCKETS,
    "InvalidChunkSizeError": ("PutObject", "UploadPart"),
    "InvalidDigest": WITH_BODY,
    "InvalidEncryptionAlgorithmError": (*NEW_OBJECTS, "GetObject", "HeadObject", "UploadPart"),
    "InvalidLocationConstraint": ("CreateBucket",),
    "InvalidObjectState": ("CopyObject", "GetObject", "UploadPartCopy"),
    "InvalidPart": ("CompleteMultipartUpload",),
    "InvalidPartNumber": READS,
    "InvalidPartOrder": ("CompleteMultipartUpload",),
    "InvalidRange": READS,
    "InvalidRedirectLocation": NEW_OBJECTS,
    "InvalidRequest": ALL,
    "InvalidSecurity": ALL,
    "InvalidStorageClass": NEW_OBJECTS,
    "InvalidTag": (*NEW_OBJECTS, *TAGGING, "CreateBucket"),
    "InvalidToken": ALL,
    "InvalidURI": ON_KEYS,
    "InvalidWriteOffset": ("PutObject",),
    "KMS.DisabledException": (*NEW_OBJECTS, *READS, "UpdateObjectEncryption"),
    "KMS.NotFoundException": (*NEW_OBJECTS, *READS, "UpdateObjectEncryption"),
    "KeyTooLongError": (*ON_KEYS, "DeleteObjects"),
    "MalformedTrailerError": WITH_BODY,
    "MalformedPolicy": JSON_DOCUMENTS,
    "MalformedXML": DOCUMENTS,
    "MaxMessageLengthExceeded": (*DOCUMENTS, *JSON_DOCUMENTS),
    "MetadataTooLarge": NEW_OBJECTS,
    "MethodNotAllowed": VERSIONED,
    "MissingContentLength": WITH_BODY,
    "MissingRequestBodyError": tuple(
        name for name in TAKES_DOCUMENT if name not in ("CompleteMultipartUpload", *LOCKS)
    ),
    "MissingSecurityHeader": ALL,
    "NoSuchBucket": ON_BUCKETS,
    "NoSuchBucketPolicy": ("GetBucketPolicy", "GetBucketPolicyStatus"),
    "NoSuchKey": (
        *VERSIONED,
        *LOCKED_VERSIONS,
        *COPIES,
        *RENAMES,
        "CompleteMultipartUpload",
        "PutObject",
        "DeleteObject",
    ),
    "NoSuchObjectLockConfiguration": ("GetObjectLegalHold", "GetObjectRetention"),
    "NoSuchPublicAccessBlockConfiguration": ("GetPublicAccessBlock",),
    "NoSuchTagSet": ("GetBucketTagging",),
    "NoSuchUpload": UPLOADS,
    "NoSuchVersion": (*VERSIONED, *LOCKED_VERSIONS, *COPIES, "DeleteObjects"),
    "NotImplemented": ALL,
    "NotModified": READS,
    "ObjectLockConfigurationNotFoundError": ("GetObjectLockConfiguration",),
    "ObjectNotInActiveTierError": ("CopyObject",),
    "OperationAborted": SETTINGS,
    "OwnershipControlsNotFoundError": ("GetBucketOwnershipControls",),
    "PermanentRedirect": ON_BUCKETS,
    "PreconditionFailed": (*CONDITIONAL, *RENAMES, *READS, "DeleteObjects", "UploadPartCopy"),
    "RequestTimeTooSkewed": ALL,
    "RequestTimeout": ALL,
    "ServerSideEncryptionConfigurationNotFoundError": ("GetBucketEncryption",),
    "ServiceUnavailable": ALL,
    "SignatureDoesNotMatch": ALL,
    "SlowDown": ALL,
    "TemporaryRedirect": ON_BUCKETS,
    "TooManyBuckets": ("CreateBucket",),
    "TooManyParts": ("PutObject",),
    "XAmzContentSHA256Mismatch": WITH_BODY,
}
"""The operations of this release that each code can concern."""

FAILURES = "needs a failing, overloaded or slow server: tested with injected faults and clocks"
RACES = "needs another change in the same moment: tested with interleaved operations"
CLUSTER = "needs another node or region: tested with a fake owner of keys"
LATER = "belongs to a feature that this release does not have: its headers answer NotImplemented"
KEYRING = "needs a server with keys: tests/conformance/test_encryption_api.py has one"
SIZE = "needs an object of more than 5 TiB: tested with lower limits"

UNTESTED: dict[str, str] = {
    "ConditionalRequestConflict": RACES,
    "EncryptionTypeMismatch": LATER,
    "IdempotencyParameterMismatch": "needs a rename with a client token: tested with one",
    "InternalError": FAILURES,
    "KMS.DisabledException": KEYRING,
    "KMS.NotFoundException": KEYRING,
    "InvalidObjectState": "storage classes are kept and shown, but no object is archived",
    "InvalidSecurity": "a wrong token is an InvalidToken, a wrong key an InvalidAccessKeyId",
    "MissingSecurityHeader": "S3 gives it to SOAP requests; a REST request without a signature is "
    "anonymous",
    "ObjectNotInActiveTierError": LATER,
    "OperationAborted": RACES,
    "PermanentRedirect": CLUSTER,
    "RequestTimeout": FAILURES,
    "ServiceUnavailable": FAILURES,
    "SlowDown": FAILURES,
    "TemporaryRedirect": CLUSTER,
    "TooManyBuckets": "there is no limit on the number of buckets",
    "TooManyParts": "needs an object of 10,000 parts: tested with lower limits",
}
UNTESTED_PAIRS: dict[tuple[str, str], str] = {
    ("CompleteMultipartUpload", "EntityTooLarge"): SIZE,
}

NO_OPERATION_HAS: dict[str, str] = {
    "AccountProblem": "AWS accounts and payment",
    "AllAccessDisabled": "AWS accounts and payment",
    "AmbiguousGrantByEmailAddress": "e-mail addresses of accounts",
    "CredentialsNotSupported": "SOAP, BitTorrent and old addressing",
    "CrossLocationLoggingProhibited": "bucket logging",
    "IncorrectNumberOfFilesInPostRequest": "uploads by form",
    "InlineDataTooLarge": "SOAP, BitTorrent and old addressing",
    "InvalidAddressingHeader": "SOAP, BitTorrent and old addressing",
    "InvalidPayer": "AWS accounts and payment",
    "InvalidPolicyDocument": "uploads by form",
    "InvalidSOAPRequest": "SOAP, BitTorrent and old addressing",
    "InvalidTargetBucketForLogging": "bucket logging",
    "MalformedPOSTRequest": "uploads by form",
    "MaxPostPreDataLengthExceededError": "uploads by form",
    "NoLoggingStatusForKey": "bucket logging",
    "NoSuchLifecycleConfiguration": "lifecycle rules",
    "NotSignedUp": "AWS accounts and payment",
    "Redirect": "SOAP, BitTorrent and old addressing",
    "RequestIsNotMultiPartContent": "uploads by form",
    "RequestTorrentOfBucketError": "SOAP, BitTorrent and old addressing",
    "RestoreAlreadyInProgress": "archived objects",
    "TokenRefreshRequired": "AWS accounts and payment",
    "UserKeyMustBeSpecified": "uploads by form",
}
"""Codes of AWS's list that no operation of this release can answer, by what they belong to."""

HEAD = """.. Made by tools/error_coverage.py from tests/conformance/error_cases.py: do not edit.

Errors
======

Every row below is a request that the tests send to a running server. They check the status, the
code, the whole error document, that the connection can be used again, and that nothing was changed.
"""


def covered(rows: Iterable[Row]) -> set[tuple[str, str]]:
    """The pairs (operation, code) of some rows."""
    return {(row.operation, row.code) for row in rows if row.operation in ALL}


def documented() -> set[tuple[str, str]]:
    """The documented pairs of this release's operations."""
    return {(name, code) for code, names in DOCUMENTED.items() for name in names}


def untested() -> dict[str, list[tuple[str, str]]]:
    """The documented pairs without a row, by the reason. Raises ``ValueError`` for a pair without a
    reason, and for a reason without such a pair."""
    missing = documented() - covered(ROWS)
    groups: dict[str, list[tuple[str, str]]] = {}
    for pair in sorted(missing):
        reason = UNTESTED_PAIRS.get(pair) or UNTESTED.get(pair[1])
        if reason is None:
            raise ValueError(f"{pair} is neither tested nor explained")
        groups.setdefault(reason, []).append(pair)
    idle = set(UNTESTED) - {code for _, code in missing} | {
        pair[1] for pair in UNTESTED_PAIRS if pair not in missing
    }
    if idle:
        raise ValueError(f"explained and tested too: {sorted(idle)}")
    return groups


def table(titles: Sequence[str], widths: str, rows: Iterable[Sequence[str]]) -> list[str]:
    """A list-table."""
    lines = ["", ".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in (titles, *rows):
        for number, cell in enumerate(row):
            lines.append(f"   {'*' if number == 0 else ' '} - {cell}")
    return lines


def plain(text: str) -> str:
    """Text without reStructuredText's own marks."""
    return "".join("\\" + char if char in "*`|_\\" else char for char in text)


def section(title: str, *paragraphs: str) -> list[str]:
    """A heading and paragraphs."""
    return ["", title, "-" * len(title), "", *paragraphs]


def of_every_operation() -> list[str]:
    """The table of the rows that operations share."""
    found: dict[tuple[str, int, str], list[str]] = {}
    for row in COMMON:
        found.setdefault((row.code, row.status, row.trigger), []).append(row.operation)
    rows = []
    for (code, status, trigger), names in found.items():
        shown = "all" if len(names) == len(ALL) else ", ".join(names)
        if 12 < len(names) < len(ALL):
            shown = "all but " + ", ".join(name for name in ALL if name not in names)
        if tuple(names) == ON_KEYS:
            shown = "all upon a key"
        elif tuple(names) == ON_BUCKETS:
            shown = "all upon a bucket"
        rows.append((code, str(status), plain(trigger), shown))
    return table(("Code", "Status", "Trigger", "Operations"), "25 8 35 32", rows)


def of_one_operation(rows: Iterable[Row]) -> list[str]:
    """The table of rows of single operations."""
    return table(
        ("Operation", "Code", "Status", "Trigger"),
        "25 25 8 42",
        [
            (
                row.operation or "none",
                row.code,
                f"{row.status}{' (in the document)' if row.inside else ''}",
                plain(row.trigger),
            )
            for row in sorted(rows, key=lambda row: (row.operation, row.code))
        ],
    )


def page() -> str:
    """The whole page."""
    pairs = documented()
    groups = untested()
    tested = pairs & covered(ROWS)
    lines = [
        HEAD,
        f"There are {len(ROWS)} rows. Of {len(pairs)} documented pairs of an operation of this "
        f"release and a code, {len(tested)} are tested and {len(pairs) - len(tested)} are not.",
    ]
    lines += section("What every operation answers")
    lines += of_every_operation()
    lines += section("What single operations answer")
    lines += of_one_operation(SPECIFIC)
    lines += section(
        "Requests that are no operation",
        f"Beside these, each of the {len(UNSUPPORTED)} operations of S3 that this release does not "
        "have is asked for, and answers NotImplemented (501) with its name.",
    )
    lines += of_one_operation(NO_OPERATION)
    lines += section("Documented pairs without a row")
    lines += table(
        ("Pairs", "Codes", "Reason"),
        "8 37 55",
        [
            (str(len(found)), ", ".join(sorted({code for _, code in found})), reason)
            for reason, found in sorted(groups.items())
        ],
    )
    lines += section(
        "Codes that no operation here can answer",
        f"These {len(NO_OPERATION_HAS)} codes of AWS's list belong to what this release does not "
        "have:",
        "",
    )
    for subject in sorted(set(NO_OPERATION_HAS.values())):
        codes = [code for code, belongs in NO_OPERATION_HAS.items() if belongs == subject]
        lines.append(f"- {subject}: {', '.join(codes)}")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page."""
    TARGET.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
