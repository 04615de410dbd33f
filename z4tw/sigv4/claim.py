"""Who a request says it is from: the Authorization header or the query of a presigned URL."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import msgspec

from z4tw import errors
from z4tw.errors import (
    AccessDenied,
    AuthorizationHeaderMalformed,
    AuthorizationQueryParametersError,
    InvalidArgument,
    InvalidRequest,
)
from z4tw.interfaces.http import RequestHead
from z4tw.sigv4.canonical import decode_parameter
from z4tw.sigv4.dates import amz_date, parse_amz_date, parse_http_date

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
MAX_EXPIRES_S = 604_800
"""A presigned URL lives for a week at most."""

_ALGORITHM = "AWS4-HMAC-SHA256"
_ALGORITHM_4A = "AWS4-ECDSA-P256-SHA256"
_NO_VERSION_4A = "Signature Version 4A is not implemented; use AWS4-HMAC-SHA256."
_KNOWN_PAYLOADS = frozenset(
    {
        UNSIGNED_PAYLOAD,
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    }
)
_PRESIGN_PARAMETERS = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
)
_OPTIONAL_PARAMETERS = ("X-Amz-Security-Token", "X-Amz-Content-Sha256")
_CREDENTIAL_FORM = (
    'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
)


class Claim(msgspec.Struct, frozen=True, gc=False):
    """What a signed request says of itself; nothing of it is proved before ``verify``.

    ``date`` is the day of the scope (``YYYYMMDD``), ``amz_date`` the time as it is signed
    (``YYYYMMDDTHHMMSSZ``) and ``timestamp`` the same in Unix seconds. ``signed_headers`` are
    lower-case and sorted. ``payload_hash`` is the x-amz-content-sha256 value, UNSIGNED-PAYLOAD for
    a presigned URL without one. ``expires_s`` is 0 unless ``presigned``.
    """

    access_key_id: str
    date: str
    region: str
    timestamp: int
    amz_date: str
    signed_headers: tuple[str, ...]
    signature: str
    presigned: bool
    payload_hash: str
    security_token: str
    expires_s: int = 0
    service: str = "s3"


def parse_claim(
    head: RequestHead, service: str = "s3", payload_hash: str | None = None
) -> Claim | None:
    """The claim of a request to a service, None when it is anonymous.

    ``payload_hash`` is that of the body which was read already, for services whose clients send
    no x-amz-content-sha256; a presigned URL is none of theirs and counts as no claim.

    Raises AuthorizationHeaderMalformed, AuthorizationQueryParametersError, InvalidArgument,
    InvalidRequest and AccessDenied for malformed claims, InvalidRequest for Signature Version 2,
    NotImplemented for Version 4A.
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    """
    authorization = head.headers.get("authorization")
    target = head.target
    if payload_hash is not None:
        if authorization is None:
            return None
        return _parse_header(head, authorization, service, payload_hash)
    if b"X-Amz-" in target or b"AWSAccessKeyId" in target:
        parameters = _query_parameters(target)
        if parameters:
            if authorization is not None:
                raise InvalidArgument(
                    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "
                    "Signature query string parameter or the Authorization header should be "
                    "specified",
                    ArgumentName="Authorization",
                )
            return _parse_query(head, parameters)
    if authorization is None:
        return None
    return _parse_header(head, authorization, service, None)


class _Scope(NamedTuple):
    """What an Authorization header says beside its signature; ``signature`` is one that stands
    before other components."""

    access_key_id: str
    date: str
    region: str
    signed_headers: tuple[str, ...]
    signature: str


@lru_cache(maxsize=256)
def _parse_scope(text: str, signed: bool, service: str) -> _Scope:
    """The components of an Authorization header. ``signed``: its last one was the signature, and
    was taken away with its comma. Raises as ``parse_claim``.

    Cached because a client's headers of one day differ in nothing but their signatures."""
    algorithm, _, rest = text.partition(" ")
    if algorithm != _ALGORITHM:
        raise _wrong_algorithm(text)
    credential = names = signature = ""
    for field in rest.split(","):
        name, _, value = field.strip().partition("=")
        if name == "Credential":
            credential = value
        elif name == "SignedHeaders":
            names = value
        elif name == "Signature":
            signature = value
        else:
            raise _malformed(f"the authorization component '{field.strip()}' is malformed.")
    if not (credential and names and (signed or signature)):
        raise _malformed(
            "the authorization header requires three components: Credential, SignedHeaders, "
            "and Signature."
        )
    scope = credential.rsplit("/", 4)
    if len(scope) != 5 or not scope[0]:
        raise _malformed(_CREDENTIAL_FORM)
    access_key_id, date, region, scoped, terminal = scope
    problem = _scope_problem(date, scoped, terminal, service)
    if problem:
        raise _malformed(problem)
    signed_headers = _header_names(names)
    if signed_headers is None:
        raise _malformed("the SignedHeaders component is malformed.")
    return _Scope(access_key_id, date, region, signed_headers, signature)


def _parse_header(
    head: RequestHead, authorization: str, service: str, payload_hash: str | None
) -> Claim:
    text, mark, signature = authorization.rpartition("Signature=")
    text = text.rstrip(" ")
    if mark and signature and "," not in signature and text.endswith(","):
        access_key_id, date, region, signed_headers, _ = _parse_scope(text[:-1], True, service)
    else:
        scope = _parse_scope(authorization, False, service)
        access_key_id, date, region, signed_headers, signature = scope

    headers = head.headers
    signed_at = headers.get("x-amz-date")
    timestamp = parse_amz_date(signed_at) if signed_at is not None else None
    if signed_at is None:
        timestamp = parse_http_date(headers.get("date", ""))
        signed_at = amz_date(timestamp) if timestamp is not None else ""
    if timestamp is None:
        raise AccessDenied("AWS authentication requires a valid Date or x-amz-date header")
    if signed_at[:8] != date:
        raise _malformed("Invalid credential date. Date is not the same as X-Amz-Date.")
    if payload_hash is None:
        payload_hash = headers.get("x-amz-content-sha256")
        if payload_hash is None:
            raise InvalidRequest("Missing required header for this request: x-amz-content-sha256")
        if payload_hash != EMPTY_SHA256:
            check_payload_hash(payload_hash)
    return Claim(
        access_key_id,
        date,
        region,
        timestamp,
        signed_at,
        signed_headers,
        signature,
        False,
        payload_hash,
        headers.get("x-amz-security-token", ""),
        0,
        service,
    )


def _parse_query(head: RequestHead, parameters: dict[str, str]) -> Claim:
    algorithm = parameters.get("X-Amz-Algorithm", _ALGORITHM)
    if algorithm == _ALGORITHM_4A:
        raise errors.NotImplemented(_NO_VERSION_4A)
    if algorithm != _ALGORITHM:
        raise _bad_query('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
    if any(not parameters.get(name) for name in _PRESIGN_PARAMETERS):
        raise _bad_query(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, "
            "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
            "X-Amz-Expires parameters."
        )
    scope = parameters["X-Amz-Credential"].rsplit("/", 4)
    if len(scope) != 5 or not scope[0]:
        raise _bad_query(f"Error parsing the X-Amz-Credential parameter; {_CREDENTIAL_FORM}")
    access_key_id, date, region, service, terminal = scope
    problem = _scope_problem(date, service, terminal, "s3")
    if problem:
        raise _bad_query(f"Error parsing the X-Amz-Credential parameter; {problem}")
    signed_at = parameters["X-Amz-Date"]
    timestamp = parse_amz_date(signed_at)
    if timestamp is None:
        raise _bad_query("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    if signed_at[:8] != date:
        raise _bad_query(
            f'Invalid credential date "{date}". This date is not the same as X-Amz-Date: '
            f'"{signed_at[:8]}".'
        )
    expires_s = _parse_expires(parameters["X-Amz-Expires"])
    signed_headers = _header_names(parameters["X-Amz-SignedHeaders"])
    if signed_headers is None:
        raise _bad_query("Error parsing the X-Amz-SignedHeaders parameter")
    payload_hash = parameters.get("X-Amz-Content-Sha256") or head.headers.get(
        "x-amz-content-sha256", UNSIGNED_PAYLOAD
    )
    check_payload_hash(payload_hash)
    token = parameters.get("X-Amz-Security-Token") or head.headers.get("x-amz-security-token", "")
    return Claim(
        access_key_id,
        date,
        region,
        timestamp,
        signed_at,
        signed_headers,
        parameters["X-Amz-Signature"],
        True,
        payload_hash,
        token,
        expires_s,
    )


def check_payload_hash(value: str) -> None:
    """Accept a payload mode that S3 defines or a SHA-256 in hex; raises InvalidArgument, and
    NotImplemented for the modes of Signature Version 4A."""
    if value in _KNOWN_PAYLOADS:
        return
    if len(value) == 64 and not value.strip("0123456789abcdefABCDEF"):
        return
    if value.startswith("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"):
        raise errors.NotImplemented(_NO_VERSION_4A)
    raise InvalidArgument(
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, "
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
        ArgumentName="x-amz-content-sha256",
        ArgumentValue=value,
    )


def _query_parameters(target: bytes) -> dict[str, str]:
    """The decoded authentication parameters of a target; empty when it is not presigned.

    Raises InvalidRequest for the parameters of Signature Version 2, and
    AuthorizationQueryParametersError when one comes twice.
    """
    found: dict[str, str] = {}
    names: set[str] = set()
    for item in target.partition(b"?")[2].split(b"&"):
        raw_name, _, raw_value = item.partition(b"=")
        name = decode_parameter(raw_name).decode("utf-8", "replace")
        if name in _PRESIGN_PARAMETERS or name in _OPTIONAL_PARAMETERS:
            if name in found:
                raise _bad_query(f"{name} must be given once")
            found[name] = decode_parameter(raw_value).decode("utf-8", "replace")
        names.add(name)
    if "AWSAccessKeyId" in names and "Signature" in names:
        raise _version_2()
    if any(name in found for name in _PRESIGN_PARAMETERS[:3]):
        return found
    return {}


def _scope_problem(date: str, service: str, terminal: str, expected: str) -> str:
    """What is wrong with a credential scope, as AWS says it; empty: nothing."""
    if len(date) != 8 or not (date.isascii() and date.isdecimal()):
        return (
            f'incorrect date format "{date}". This date in the credential must be in the format '
            '"yyyyMMdd".'
        )
    if service != expected:
        return f'incorrect service "{service}". This endpoint belongs to "{expected}".'
    if terminal != "aws4_request":
        return f'incorrect terminal "{terminal}". This endpoint uses "aws4_request".'
    return ""


@lru_cache(maxsize=256)
def _header_names(text: str) -> tuple[str, ...] | None:
    """The names of SignedHeaders, lower-case and sorted; None when one is empty or comes twice.

    Cached because a client signs the same headers again and again."""
    names = text.lower().split(";")
    names.sort()
    if not names[0] or len(set(names)) != len(names):
        return None
    return tuple(names)


def _parse_expires(text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()):
        raise _bad_query("X-Amz-Expires should be a number")
    if digits != text:
        raise _bad_query("X-Amz-Expires must be non-negative")
    if len(text) > 9 or int(text) > MAX_EXPIRES_S:
        raise _bad_query(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given "
            "X-Amz-Expires must be less than 604800 seconds"
        )
    if int(text) == 0:
        raise _bad_query("X-Amz-Expires must be at least one second")
    return int(text)


def _wrong_algorithm(authorization: str) -> Exception:
    """The error for an Authorization header of any other kind. The header's value is not
    repeated: it may be a password."""
    algorithm = authorization.split(" ", 1)[0]
    if algorithm == "AWS":
        return _version_2()
    if algorithm == _ALGORITHM_4A:
        return errors.NotImplemented(_NO_VERSION_4A)
    if " " not in authorization:
        return InvalidArgument(
            "Authorization header is invalid -- one and only one ' ' (space) required.",
            ArgumentName="Authorization",
        )
    return InvalidArgument("Unsupported Authorization Type", ArgumentName="Authorization")


def _version_2() -> InvalidRequest:
    return InvalidRequest(
        "The authorization mechanism you have provided is not supported. Please use "
        "AWS4-HMAC-SHA256."
    )


def _malformed(why: str) -> AuthorizationHeaderMalformed:
    return AuthorizationHeaderMalformed(f"The authorization header is malformed; {why}")


def _bad_query(why: str) -> AuthorizationQueryParametersError:
    return AuthorizationQueryParametersError(why)
