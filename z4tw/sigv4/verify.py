"""Whether a claim holds: region, time, which headers were signed, and the signature."""

from __future__ import annotations

from hashlib import sha256
from hmac import compare_digest

import msgspec

from z4tw.errors import (
    AccessDenied,
    AuthorizationHeaderMalformed,
    AuthorizationQueryParametersError,
    RequestTimeTooSkewed,
    SignatureDoesNotMatch,
)
from z4tw.interfaces.http import RequestHead
from z4tw.sigv4.canonical import canonical_request
from z4tw.sigv4.claim import Claim
from z4tw.sigv4.dates import iso_date
from z4tw.sigv4.keys import SigningKey, SigningKeys

MAX_SKEW_S = 900
"""How far a client's clock may be off, in either direction."""


class Verified(msgspec.Struct, frozen=True, gc=False):
    """A request whose signature holds, and what verifying its chunks needs.

    ``scope`` is ``YYYYMMDD/region/SERVICE/aws4_request``; ``signing_key`` signs
    for the client: as good as its secret for the day.
    """

    access_key_id: str
    payload_hash: str
    seed_signature: str
    signing_key: SigningKey
    scope: str
    amz_date: str
    presigned: bool

    def __repr__(self) -> str:
        return f"Verified({self.access_key_id!r}, {self.payload_hash!r}, {self.scope!r})"


def verify(
    claim: Claim, head: RequestHead, secret: str, region: str, keys: SigningKeys
) -> Verified:
    """Prove a claim with the secret of its access key, at the time ``head.now``.

    Raises AuthorizationHeaderMalformed (AuthorizationQueryParametersError for a presigned URL)
    with the right Region, RequestTimeTooSkewed, AccessDenied for a presigned URL before or after
    its time and for headers that had to be signed, and SignatureDoesNotMatch with what was hashed.
    """
    if claim.region != region:
        raise _wrong_region(claim, region)
    headers = head.headers
    signed = claim.signed_headers
    if claim.presigned:
        _check_lifetime(claim, head.now)
    elif not -MAX_SKEW_S <= head.now - claim.timestamp <= MAX_SKEW_S:
        raise RequestTimeTooSkewed(
            RequestTime=claim.amz_date,
            ServerTime=iso_date(head.now),
            MaxAllowedSkewMilliseconds=str(MAX_SKEW_S * 1000),
        )
    for name in headers:
        if name[:6] == "x-amz-" and name not in signed:
            raise _unsigned(claim, head)
    if "host" not in signed:
        raise _unsigned(claim, head)

    request = canonical_request(
        head.method, head.target, headers, signed, claim.payload_hash, claim.presigned
    )
    scope = f"{claim.date}/{region}/{claim.service}/aws4_request"
    text = string_to_sign(claim.amz_date, scope, request)
    key = keys.get(secret, claim.date, region, claim.service)
    signature = key.sign(text.encode())
    if not compare_digest(signature.encode(), claim.signature.encode("utf-8", "replace")):
        raise _mismatch(claim, text, request)
    for name in signed:
        if name not in headers:
            raise _mismatch(claim, text, request)
    return Verified(
        claim.access_key_id,
        claim.payload_hash,
        signature,
        key,
        scope,
        claim.amz_date,
        claim.presigned,
    )


def string_to_sign(amz_date: str, scope: str, request: bytes) -> str:
    """The text that is signed for a canonical request."""
    return f"AWS4-HMAC-SHA256\n{amz_date}\n{scope}\n{sha256(request).hexdigest()}"


def _check_lifetime(claim: Claim, now: float) -> None:
    expires = claim.timestamp + claim.expires_s
    if now > expires:
        raise AccessDenied(
            "Request has expired",
            **{"X-Amz-Expires": str(claim.expires_s)},
            Expires=iso_date(expires),
            ServerTime=iso_date(now),
        )
    if now < claim.timestamp - MAX_SKEW_S:
        raise AccessDenied(
            "Request is not valid yet",
            **{"X-Amz-Date": claim.amz_date},
            ServerTime=iso_date(now),
        )


def _wrong_region(claim: Claim, region: str) -> Exception:
    why = f"the region '{claim.region}' is wrong; expecting '{region}'"
    if claim.presigned:
        return AuthorizationQueryParametersError(
            f"Error parsing the X-Amz-Credential parameter; {why}", Region=region
        )
    return AuthorizationHeaderMalformed(
        f"The authorization header is malformed; {why}", Region=region
    )


def _unsigned(claim: Claim, head: RequestHead) -> AccessDenied:
    signed = claim.signed_headers
    names = [name for name in head.headers if name[:6] == "x-amz-" and name not in signed]
    if "host" not in signed:
        names.append("host")
    return AccessDenied(
        "There were headers present in the request which were not signed",
        HeadersNotSigned=", ".join(sorted(names)),
    )


def _mismatch(claim: Claim, text: str, request: bytes) -> SignatureDoesNotMatch:
    """The error with all that the client needs to find its mistake; the signature that would
    have been right is not in it."""
    return SignatureDoesNotMatch(
        AWSAccessKeyId=claim.access_key_id,
        StringToSign=text,
        SignatureProvided=claim.signature,
        StringToSignBytes=text.encode().hex(" "),
        CanonicalRequest=request.decode("utf-8", "replace"),
        CanonicalRequestBytes=request.hex(" "),
    )
