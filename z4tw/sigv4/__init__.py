"""AWS Signature Version 4 for S3, pure: who signed a request, and whether the signature holds (L1).

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

from z4tw.sigv4.canonical import canonical_path, canonical_query
from z4tw.sigv4.claim import Claim, parse_claim
from z4tw.sigv4.form import parse_form_claim, verify_form
from z4tw.sigv4.keys import SigningKey, SigningKeys, derive_key
from z4tw.sigv4.verify import Verified, verify

__all__ = [
    "Claim",
    "SigningKey",
    "SigningKeys",
    "Verified",
    "canonical_path",
    "canonical_query",
    "derive_key",
    "parse_claim",
    "parse_form_claim",
    "verify",
    "verify_form",
]
