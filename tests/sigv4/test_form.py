"""Signatures of forms: AWS's own example, and what is refused."""

from __future__ import annotations

from base64 import b64encode

import pytest

from tests.sigv4 import aws_examples
from z4tw.errors import InvalidArgument, InvalidRequest, S3Error, SignatureDoesNotMatch
from z4tw.sigv4 import SigningKeys, parse_form_claim, verify_form

# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html
POLICY = b64encode(
    b"\r\n".join(
        [
            b'{ "expiration": "2015-12-30T12:00:00.000Z",',
            b'  "conditions": [',
            b'    {"bucket": "sigv4examplebucket"},',
            b'    ["starts-with", "$key", "user/user1/"],',
            b'    {"acl": "public-read"},',
            b'    {"success_action_redirect": '
            b'"http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},',
            b'    ["starts-with", "$Content-Type", "image/"],',
            b'    {"x-amz-meta-uuid": "14365123651274"},',
            b'    {"x-amz-server-side-encryption": "AES256"},',
            b'    ["starts-with", "$x-amz-meta-tag", ""],',
            b"",
            b'    {"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},',
            b'    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},',
            b'    {"x-amz-date": "20151229T000000Z" }',
            b"  ]",
            b"}",
        ]
    )
).decode()
FIELDS = {
    "policy": POLICY,
    "x-amz-algorithm": "AWS4-HMAC-SHA256",
    "x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request",
    "x-amz-date": "20151229T000000Z",
    "x-amz-signature": "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e",
}
SECRET = aws_examples.SECRET


def verify(fields: dict[str, str], secret: str = SECRET, region: str = "us-east-1") -> object:
    claim = parse_form_claim(fields)
    assert claim is not None
    return verify_form(claim, fields["policy"], secret, region, SigningKeys())


def test_the_example_of_the_documentation() -> None:
    claim = parse_form_claim(FIELDS)
    assert claim is not None
    assert (claim.access_key_id, claim.date) == ("AKIAIOSFODNN7EXAMPLE", "20151229")
    assert claim.timestamp == 1451347200
    verified = verify_form(claim, POLICY, SECRET, "us-east-1", SigningKeys())
    assert verified.payload_hash == "UNSIGNED-PAYLOAD"
    assert verified.scope == "20151229/us-east-1/s3/aws4_request"


def test_a_form_without_any_of_it_is_anonymous() -> None:
    assert parse_form_claim({"key": "k", "acl": "private"}) is None


def test_another_secret_policy_or_signature_does_not_match() -> None:
    for fields, secret in (
        (FIELDS, SECRET + "x"),
        ({**FIELDS, "policy": POLICY[:-4]}, SECRET),
        ({**FIELDS, "policy": POLICY + "é"}, SECRET),
        ({**FIELDS, "x-amz-signature": FIELDS["x-amz-signature"].upper()}, SECRET),
        ({**FIELDS, "x-amz-signature": "é"}, SECRET),
    ):
        with pytest.raises(SignatureDoesNotMatch) as caught:
            verify(fields, secret)
        assert "8afdbf" not in str(caught.value.details.get("StringToSign"))


def test_another_region_is_told() -> None:
    with pytest.raises(InvalidArgument) as caught:
        verify(FIELDS, region="eu-west-1")
    assert caught.value.details["Region"] == "eu-west-1"


@pytest.mark.parametrize("name", sorted(FIELDS))
@pytest.mark.parametrize("empty", [True, False])
def test_no_part_may_be_missing(name: str, empty: bool) -> None:
    fields = {**FIELDS, name: ""} if empty else {k: v for k, v in FIELDS.items() if k != name}
    with pytest.raises(InvalidArgument, match=name):
        parse_form_claim(fields)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("x-amz-algorithm", "AWS4-ECDSA-P256-SHA256", InvalidArgument),
        ("x-amz-date", "2015-12-29", InvalidArgument),
        ("x-amz-date", "20151230T000000Z", InvalidArgument),
        ("x-amz-credential", "AKIA", InvalidArgument),
        ("x-amz-credential", "/20151229/us-east-1/s3/aws4_request", InvalidArgument),
        ("x-amz-credential", "A/20151229/us-east-1/iam/aws4_request", InvalidArgument),
        ("x-amz-credential", "A/20151229/us-east-1/s3/aws5_request", InvalidArgument),
    ],
)
def test_malformed_fields(name: str, value: str, error: type[S3Error]) -> None:
    with pytest.raises(error):
        parse_form_claim({**FIELDS, name: value})


def test_signature_version_2_is_named() -> None:
    with pytest.raises(InvalidRequest, match="AWS4-HMAC-SHA256"):
        parse_form_claim({"policy": POLICY, "awsaccesskeyid": "A", "signature": "c2ln"})
