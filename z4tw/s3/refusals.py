"""Headers that ask for features which z4tw does not have: refused, never ignored.

Only ``x-amz-*`` headers that are known to change nothing, or that an operation obeys, pass.
"""

from __future__ import annotations

from collections.abc import Mapping

from z4tw import errors
from z4tw.errors import InvalidArgument, InvalidRequest
from z4tw.s3.checksums import CHECKSUM_HEADERS

_PASSING = frozenset(
    {
        "x-amz-api-version",
        "x-amz-bucket-object-lock-token",  # turning object lock on takes none
        "x-amz-bypass-governance-retention",
        *CHECKSUM_HEADERS.values(),
        "x-amz-checksum-mode",
        "x-amz-checksum-type",
        "x-amz-cf-id",
        "x-amz-confirm-remove-self-bucket-access",
        "x-amz-content-sha256",
        "x-amz-copy-source",
        "x-amz-copy-source-if-match",
        "x-amz-copy-source-if-modified-since",
        "x-amz-copy-source-if-none-match",
        "x-amz-copy-source-if-unmodified-since",
        "x-amz-copy-source-range",
        "x-amz-date",
        "x-amz-decoded-content-length",
        "x-amz-expected-bucket-owner",
        "x-amz-invocation-id",
        "x-amz-max-parts",
        "x-amz-metadata-directive",
        "x-amz-mp-object-size",
        "x-amz-object-attributes",
        "x-amz-object-if-match",
        "x-amz-optional-object-attributes",
        "x-amz-part-number-marker",
        "x-amz-retry",
        "x-amz-security-token",
        "x-amz-skip-destination-validation",
        "x-amz-source-expected-bucket-owner",
        "x-amz-storage-class",
        "x-amz-tagging",
        "x-amz-tagging-directive",
        "x-amz-te",
        "x-amz-trailer",
        "x-amz-transition-default-minimum-object-size",
        "x-amz-user-agent",
        "x-amz-website-redirect-location",
    }
)
_WRITES = frozenset({"CopyObject", "CreateMultipartUpload", "PutObject"})
_RENAMES = frozenset({"RenameObject"})
_PASSING_FOR = {
    "x-amz-bucket-object-lock-enabled": frozenset({"CreateBucket"}),
    "x-amz-client-token": _RENAMES,
    "x-amz-if-match-last-modified-time": frozenset({"DeleteObject"}),
    "x-amz-if-match-size": frozenset({"DeleteObject"}),
    "x-amz-object-lock-legal-hold": _WRITES,
    "x-amz-object-lock-mode": _WRITES,
    "x-amz-object-lock-retain-until-date": _WRITES,
    "x-amz-rename-source": _RENAMES,
    "x-amz-write-offset-bytes": frozenset({"PutObject"}),
    "x-amz-rename-source-if-match": _RENAMES,
    "x-amz-rename-source-if-modified-since": _RENAMES,
    "x-amz-rename-source-if-none-match": _RENAMES,
    "x-amz-rename-source-if-unmodified-since": _RENAMES,
}
"""Headers that only some operations obey."""

_PASSING_VALUES = {
    "x-amz-acl": {"private"},
    "x-amz-bucket-namespace": {"global"},
    "x-amz-bucket-object-lock-enabled": {"false", "False"},
    "x-amz-object-annotation-directive": {"COPY"},
    "x-amz-request-payer": {"requester"},
    "x-amz-server-side-encryption-bucket-key-enabled": {"false", "False"},
}
"""Values that ask for what is there anyway."""

_SSE = "x-amz-server-side-encryption"
_WRITES = frozenset({"CopyObject", "CreateMultipartUpload", "PostObject", "PutObject"})
_COPIES = frozenset({"CopyObject", "UploadPartCopy"})
_CUSTOMERS = _WRITES | {
    "CompleteMultipartUpload",
    "GetObject",
    "GetObjectAttributes",
    "HeadObject",
    "ListParts",
    "UploadPart",
    "UploadPartCopy",
}
_ENCRYPTION = {
    _SSE: _WRITES,
    f"{_SSE}-aws-kms-key-id": _WRITES,
    f"{_SSE}-bucket-key-enabled": _WRITES,
    f"{_SSE}-context": _WRITES,
    **{f"{_SSE}-customer-{name}": _CUSTOMERS for name in ("algorithm", "key", "key-md5")},
    **{
        f"x-amz-copy-source-server-side-encryption-customer-{name}": _COPIES
        for name in ("algorithm", "key", "key-md5")
    },
}
"""The headers of encryption, and the operations that obey them."""

_ACL_OPERATIONS = frozenset(
    {
        "CopyObject",
        "CreateBucket",
        "CreateMultipartUpload",
        "PutBucketAcl",
        "PutObject",
        "PutObjectAcl",
    }
)
_ACL_HEADERS = frozenset(
    {
        "x-amz-acl",
        "x-amz-grant-full-control",
        "x-amz-grant-read",
        "x-amz-grant-read-acp",
        "x-amz-grant-write",
        "x-amz-grant-write-acp",
    }
)
_OWNERSHIPS = frozenset({"BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"})
_ALGORITHM_HEADERS = frozenset({"x-amz-checksum-algorithm", "x-amz-sdk-checksum-algorithm"})


def refuse_unsupported(headers: Mapping[str, str], operation: str) -> None:
    """Refuse a request whose headers ask for something that is not there.

    Raises ``NotImplemented`` naming the header (ACLs where none can be set, unknown ``x-amz-*``),
    and ``InvalidArgument`` or ``InvalidRequest`` for values that S3 does not have at all, and for
    encryption where an operation has none.
    """
    for name, value in headers.items():
        if name[:6] == "x-amz-" and name not in _PASSING and name[:11] != "x-amz-meta-":
            _judge(name, value, operation)


def _judge(name: str, value: str, operation: str) -> None:
    if name in _ALGORITHM_HEADERS:
        _check_algorithm(value)
    elif operation in _PASSING_FOR.get(name, ()):
        return
    elif name == "x-amz-object-ownership" and operation == "CreateBucket":
        if value not in _OWNERSHIPS:
            raise InvalidArgument(
                f"Invalid x-amz-object-ownership header: {value[:64]}",
                ArgumentName=name,
                ArgumentValue=value[:256],
            )
    elif (
        (name in _ACL_HEADERS and operation in _ACL_OPERATIONS)
        or value in _PASSING_VALUES.get(name, ())
        or operation in _ENCRYPTION.get(name, ())
    ):
        return
    elif name in _ENCRYPTION:
        raise InvalidArgument(
            f"{name} header is not supported for this operation.", ArgumentName=name
        )
    elif name != "x-amz-object-annotation-directive" or operation != "CopyObject":
        # CopyObject judges the value itself.
        raise lacking(name)


def _check_algorithm(value: str) -> None:
    if value.upper() not in CHECKSUM_HEADERS:
        raise InvalidRequest(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid "
            f"types: [{', '.join(CHECKSUM_HEADERS)}]"
        )


def lacking(header: str) -> errors.NotImplemented:
    """The refusal of a header, as AWS words it, with the header's name."""
    return errors.NotImplemented(
        f"A header you provided implies functionality that is not implemented: {header}",
        Header=header,
    )
