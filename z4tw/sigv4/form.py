"""Who a form is from: the signature over its policy.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html
"""

from __future__ import annotations

from collections.abc import Mapping
from hmac import compare_digest

from z4tw.errors import InvalidArgument, InvalidRequest, SignatureDoesNotMatch
from z4tw.sigv4.claim import UNSIGNED_PAYLOAD, Claim
from z4tw.sigv4.dates import parse_amz_date
from z4tw.sigv4.keys import SigningKeys
from z4tw.sigv4.verify import Verified

_ALGORITHM = "AWS4-HMAC-SHA256"
_NEEDED = ("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature")
_VERSION_2 = ("awsaccesskeyid", "signature")


def parse_form_claim(fields: Mapping[str, str]) -> Claim | None:
    """The claim of a form from its fields by lower-case name, None when it is anonymous.

    A policy without a signature, or one of them without the rest, is ``InvalidArgument``, as are
    malformed fields; Signature Version 2 is ``InvalidRequest``.
    """
    if not any(name in fields for name in ("policy", *_NEEDED, *_VERSION_2)):
        return None
    if any(name in fields for name in _VERSION_2) and "x-amz-signature" not in fields:
        raise InvalidRequest(
            "The authorization mechanism you have provided is not supported. Please use "
            "AWS4-HMAC-SHA256."
        )
    for name in ("policy", *_NEEDED):
        if not fields.get(name):
            raise InvalidArgument(
                f"Bucket POST must contain a field named '{name}'.  If it is specified, please "
                "check the order of the fields.",
                ArgumentName=name,
            )
    if fields["x-amz-algorithm"] != _ALGORITHM:
        raise _bad("x-amz-algorithm", "X-Amz-Algorithm only supports AWS4-HMAC-SHA256")
    scope = fields["x-amz-credential"].rsplit("/", 4)
    signed_at = fields["x-amz-date"]
    timestamp = parse_amz_date(signed_at)
    if timestamp is None:
        raise _bad("x-amz-date", "X-Amz-Date must be formatted via ISO8601 Long format")
    if len(scope) != 5 or not scope[0] or scope[3:] != ["s3", "aws4_request"]:
        raise _bad(
            "x-amz-credential",
            'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/s3/'
            'aws4_request".',
        )
    if scope[1] != signed_at[:8]:
        raise _bad("x-amz-credential", "Invalid credential date. It is not that of X-Amz-Date.")
    return Claim(
        scope[0],
        scope[1],
        scope[2],
        timestamp,
        signed_at,
        (),
        fields["x-amz-signature"],
        False,
        UNSIGNED_PAYLOAD,
        fields.get("x-amz-security-token", ""),
    )


def verify_form(claim: Claim, policy: str, secret: str, region: str, keys: SigningKeys) -> Verified:
    """Prove a form's claim with the secret of its access key: ``policy`` is the text that was
    signed, as it came. How long it is good the policy itself says.

    Raises ``InvalidArgument`` for another region and ``SignatureDoesNotMatch``.
    """
    if claim.region != region:
        raise InvalidArgument(
            "Error parsing the X-Amz-Credential parameter; the region "
            f"'{claim.region[:64]}' is wrong; expecting '{region}'",
            ArgumentName="x-amz-credential",
            Region=region,
        )
    key = keys.get(secret, claim.date, region)
    text = policy.encode()
    signature = key.sign(text)
    if not compare_digest(signature.encode(), claim.signature.encode()):
        raise SignatureDoesNotMatch(
            AWSAccessKeyId=claim.access_key_id,
            StringToSign=policy,
            SignatureProvided=claim.signature,
            StringToSignBytes=text.hex(" "),
        )
    scope = f"{claim.date}/{region}/s3/aws4_request"
    return Verified(
        claim.access_key_id, UNSIGNED_PAYLOAD, signature, key, scope, claim.amz_date, False
    )


def _bad(name: str, why: str) -> InvalidArgument:
    return InvalidArgument(why, ArgumentName=name)
