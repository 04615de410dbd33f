"""Reading who a request says it is from, and every way in which it can say it wrongly."""

from __future__ import annotations

import contextlib
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sigv4.aws_examples import (
    ACCESS_KEY,
    EMPTY,
    EXAMPLES,
    GET_OBJECT,
    NOW,
    SCOPE,
    Example,
    make_head,
    presigned_target,
)
from z4tw.errors import S3Error
from z4tw.sigv4 import Claim, parse_claim

GOOD = (
    f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{SCOPE}, SignedHeaders=host;x-amz-date, Signature=ab"
)


def claim_of(
    authorization: str | None, target: bytes = b"/b/k", drop: str = "", **headers: str
) -> Claim | None:
    fields = {"host": "h", "x-amz-date": "20130524T000000Z", "x-amz-content-sha256": EMPTY}
    fields.update({name.replace("_", "-"): value for name, value in headers.items()})
    fields.pop(drop, None)
    if authorization is not None:
        fields["authorization"] = authorization
    return parse_claim(make_head("GET", target, fields))


def refusal(authorization: str | None, target: bytes = b"/b/k", **headers: str) -> S3Error:
    with pytest.raises(S3Error) as caught:
        claim_of(authorization, target, **headers)
    return caught.value


def test_a_request_without_credentials_is_anonymous() -> None:
    assert claim_of(None) is None
    assert claim_of(None, b"/b/k?prefix=X-Amz-&X-Amz-Date=1&AWSAccessKeyId=1") is None


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.name)
def test_the_claim_of_awss_examples(example: Example) -> None:
    claim = parse_claim(example.head())
    assert claim is not None
    assert claim.access_key_id == ACCESS_KEY
    assert (claim.date, claim.region) == ("20130524", "us-east-1")
    assert (claim.amz_date, claim.timestamp) == ("20130524T000000Z", int(NOW))
    assert claim.signed_headers == tuple(sorted(example.headers))
    assert claim.signature == example.signature
    assert claim.payload_hash == example.headers["x-amz-content-sha256"]
    assert not claim.presigned
    assert claim.security_token == ""


def test_the_claim_of_awss_presigned_example() -> None:
    claim = parse_claim(make_head("GET", presigned_target(), {"host": "h"}))
    assert claim is not None
    assert claim.presigned
    assert claim.access_key_id == ACCESS_KEY
    assert claim.expires_s == 86400
    assert claim.timestamp == int(NOW)
    assert claim.signed_headers == ("host",)
    assert claim.payload_hash == "UNSIGNED-PAYLOAD"


def test_spaces_order_and_slashes_in_the_key_id_do_not_matter() -> None:
    claim = claim_of(
        f"AWS4-HMAC-SHA256   Signature=ab , SignedHeaders=Host;a,Credential=a/b/c/{SCOPE}"
    )
    assert claim is not None
    assert claim.access_key_id == "a/b/c"
    assert claim.signed_headers == ("a", "host")


@pytest.mark.parametrize("separator", [",", ", ", "  ,  ", ",\t"])
@pytest.mark.parametrize("components", [*permutations(GOOD.partition(" ")[2].split(", "))])
def test_every_order_of_the_components_says_the_same(
    components: tuple[str, ...], separator: str
) -> None:
    """Whether or not the signature comes last, where the rest is looked up as a whole."""
    for _ in range(2):
        assert claim_of("AWS4-HMAC-SHA256 " + separator.join(components)) == claim_of(GOOD)


def test_headers_that_differ_in_their_signature_are_told_apart() -> None:
    for signature in ("ab", "cd", "ab"):
        claim = claim_of(GOOD.replace("Signature=ab", f"Signature={signature}"))
        assert claim is not None
        assert claim.signature == signature


def test_a_security_token_is_carried() -> None:
    claim = claim_of(GOOD, x_amz_security_token="token")
    assert claim is not None
    assert claim.security_token == "token"
    target = presigned_target(**{"Security-Token": "to%2Bken"})
    claim = parse_claim(make_head("GET", target, {"host": "h"}))
    assert claim is not None
    assert claim.security_token == "to+ken"


def test_the_date_header_serves_where_x_amz_date_is_absent() -> None:
    claim = claim_of(GOOD, drop="x-amz-date", date="Fri, 24 May 2013 00:00:10 GMT")
    assert claim is not None
    assert claim.amz_date == "20130524T000010Z"
    assert claim.timestamp == int(NOW) + 10


def test_a_presigned_url_may_name_its_payload_in_the_query_or_a_header() -> None:
    head = make_head("PUT", presigned_target(**{"Content-Sha256": EMPTY}), {"host": "h"})
    claim = parse_claim(head)
    assert claim is not None
    assert claim.payload_hash == EMPTY
    mode = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    headers = {"host": "h", "x-amz-content-sha256": mode}
    claim = parse_claim(make_head("PUT", presigned_target(), headers))
    assert claim is not None
    assert claim.payload_hash == mode


HEADER_ERRORS = [
    ("", "InvalidArgument", "one and only one"),
    ("Basic", "InvalidArgument", "one and only one"),
    ("Basic YWJjOmRlZg==", "InvalidArgument", "Unsupported Authorization Type"),
    ("Bearer x", "InvalidArgument", "Unsupported Authorization Type"),
    ("AWS AKID:signature", "InvalidRequest", "Please use AWS4-HMAC-SHA256"),
    ("AWS4-ECDSA-P256-SHA256 Credential=x", "NotImplemented", "4A"),
    ("AWS4-HMAC-SHA256", "AuthorizationHeaderMalformed", ""),
    ("AWS4-HMAC-SHA256 ", "AuthorizationHeaderMalformed", ""),
    ("AWS4-HMAC-SHA512 Credential=x", "InvalidArgument", "Unsupported"),
    (GOOD.replace("Signature=ab", "Signature="), "AuthorizationHeaderMalformed", "three"),
    (GOOD.replace("SignedHeaders=host;x-amz-date, ", ""), "AuthorizationHeaderMalformed", "three"),
    (GOOD.replace("Credential=", "Credentials="), "AuthorizationHeaderMalformed", "component"),
    (GOOD + ", x", "AuthorizationHeaderMalformed", "component 'x'"),
    (GOOD.replace(", Signature", ",, Signature"), "AuthorizationHeaderMalformed", "component ''"),
    (
        GOOD.replace(", Signature", ", xSignature"),
        "AuthorizationHeaderMalformed",
        "component 'xSignature=ab'",
    ),
    ("AWS4-HMAC-SHA256 Signature=ab", "AuthorizationHeaderMalformed", "three"),
    ("AWS4-HMAC-SHA256 , Signature=ab", "AuthorizationHeaderMalformed", "component ''"),
    ("Basic x, Signature=ab", "InvalidArgument", "Unsupported Authorization Type"),
    (GOOD.replace(SCOPE, "us-east-1/s3"), "AuthorizationHeaderMalformed", "mal-formed"),
    (GOOD.replace(ACCESS_KEY, ""), "AuthorizationHeaderMalformed", "mal-formed"),
    (GOOD.replace("20130524", "2013052"), "AuthorizationHeaderMalformed", "date format"),
    (GOOD.replace("20130524", "2013052x"), "AuthorizationHeaderMalformed", "date format"),
    (GOOD.replace("20130524", "20130525"), "AuthorizationHeaderMalformed", "not the same"),
    (GOOD.replace("/s3/", "/sts/"), "AuthorizationHeaderMalformed", 'incorrect service "sts"'),
    (GOOD.replace("aws4_request", "aws4"), "AuthorizationHeaderMalformed", "terminal"),
    (GOOD.replace("host;", "host;;"), "AuthorizationHeaderMalformed", "SignedHeaders"),
    (GOOD.replace("host;", "host;Host;"), "AuthorizationHeaderMalformed", "SignedHeaders"),
]


@pytest.mark.parametrize(("authorization", "code", "message"), HEADER_ERRORS)
def test_a_malformed_authorization_header_is_refused(
    authorization: str, code: str, message: str
) -> None:
    error = refusal(authorization)
    assert error.code == code
    assert message in error.message


def test_a_refused_authorization_header_is_not_repeated() -> None:
    error = refusal("Basic YWJjOmRlZg==")
    assert "YWJj" not in error.message + "".join(error.details.values())


def test_a_request_needs_a_date() -> None:
    for headers in ({"drop": "x-amz-date"}, {"drop": "x-amz-date", "date": "soon"},
                    {"x_amz_date": "20130524"}, {"x_amz_date": ""}):  # fmt: skip
        error = refusal(GOOD, **headers)
        assert error.code == "AccessDenied"
        assert error.message == "AWS authentication requires a valid Date or x-amz-date header"


def test_a_signed_request_needs_its_payload_hash() -> None:
    error = refusal(GOOD, drop="x-amz-content-sha256")
    assert error.code == "InvalidRequest"
    assert error.message == "Missing required header for this request: x-amz-content-sha256"


@pytest.mark.parametrize(
    "mode", ["", "x", "unsigned-payload", EMPTY[:-1], EMPTY[:-1] + "g", EMPTY[:-1] + " "]
)
def test_an_unknown_payload_mode_is_refused(mode: str) -> None:
    error = refusal(GOOD, x_amz_content_sha256=mode)
    assert error.code == "InvalidArgument"
    assert error.details == {"ArgumentName": "x-amz-content-sha256", "ArgumentValue": mode}


@pytest.mark.parametrize("end", ["", "-TRAILER"])
def test_payload_modes_of_version_4a_are_not_implemented(end: str) -> None:
    mode = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD" + end
    assert refusal(GOOD, x_amz_content_sha256=mode).code == "NotImplemented"


@pytest.mark.parametrize("mode", [EMPTY.upper(), "0" * 64, "STREAMING-UNSIGNED-PAYLOAD-TRAILER"])
def test_known_payload_modes_are_kept_as_they_were_sent(mode: str) -> None:
    claim = claim_of(GOOD, x_amz_content_sha256=mode)
    assert claim is not None
    assert claim.payload_hash == mode


QUERY_ERRORS: list[tuple[dict[str, str | None], str]] = [
    ({"Algorithm": None}, "requires the X-Amz-Algorithm"),
    ({"Credential": None}, "requires the X-Amz-Algorithm"),
    ({"Date": None}, "requires the X-Amz-Algorithm"),
    ({"Expires": None}, "requires the X-Amz-Algorithm"),
    ({"SignedHeaders": ""}, "requires the X-Amz-Algorithm"),
    ({"Signature": None}, "requires the X-Amz-Algorithm"),
    ({"Algorithm": "AWS4-HMAC-SHA1"}, "only supports"),
    ({"Credential": "a%2Fb"}, "mal-formed"),
    ({"Credential": f"a/20130524/us-east-1/sts/{'aws4_request'}"}, 'incorrect service "sts"'),
    ({"Credential": "a/2013/us-east-1/s3/aws4_request"}, "date format"),
    ({"Credential": "a/20130524/us-east-1/s3/aws"}, "terminal"),
    ({"Credential": "a/20130523/us-east-1/s3/aws4_request"}, 'credential date "20130523"'),
    ({"Date": "2013-05-24"}, "ISO8601 Long Format"),
    ({"Date": "Fri,%2024%20May%202013%2000:00:00%20GMT"}, "ISO8601 Long Format"),
    ({"Expires": "x"}, "should be a number"),
    ({"Expires": "1.5"}, "should be a number"),
    ({"Expires": "%2B5"}, "should be a number"),
    ({"Expires": "-"}, "should be a number"),
    ({"Expires": "-1"}, "must be non-negative"),
    ({"Expires": "604801"}, "less than a week"),
    ({"Expires": "9" * 5000}, "less than a week"),
    ({"Expires": "0"}, "at least one second"),
    ({"SignedHeaders": "host%3B"}, "X-Amz-SignedHeaders"),
    ({"Date": "20130524T000000Z&X-Amz-Date=20130524T000000Z"}, "once"),
]


@pytest.mark.parametrize(("changes", "message"), QUERY_ERRORS)
def test_malformed_query_authentication_is_refused(
    changes: dict[str, str | None], message: str
) -> None:
    error = refusal(None, presigned_target(**changes))
    assert error.code == "AuthorizationQueryParametersError"
    assert message in error.message


@pytest.mark.parametrize("expires", ["1", "604800"])
def test_the_limits_of_expires_are_accepted(expires: str) -> None:
    claim = claim_of(None, presigned_target(Expires=expires))
    assert claim is not None
    assert claim.expires_s == int(expires)


def test_version_4a_in_a_query_is_not_implemented() -> None:
    target = presigned_target(Algorithm="AWS4-ECDSA-P256-SHA256", **{"Region-Set": "*"})
    assert refusal(None, target).code == "NotImplemented"


def test_version_2_in_a_query_is_refused() -> None:
    error = refusal(None, b"/b/k?AWSAccessKeyId=a&Expires=1&Signature=x")
    assert error.code == "InvalidRequest"
    assert "Please use AWS4-HMAC-SHA256" in error.message


def test_query_and_header_together_are_refused() -> None:
    error = refusal(GOOD, presigned_target())
    assert error.code == "InvalidArgument"
    assert error.message.startswith("Only one auth mechanism allowed")
    assert error.details == {"ArgumentName": "Authorization"}


def test_a_presign_parameter_is_found_however_it_is_encoded() -> None:
    target = presigned_target().replace(b"X-Amz-Signature", b"X-Amz-%53ignature")
    assert claim_of(None, target) == claim_of(None, presigned_target())


@given(st.text(max_size=80), st.binary(max_size=80))
def test_nothing_but_an_s3_error_comes_of_garbage(authorization: str, query: bytes) -> None:
    """Whatever is in the header or the query: a claim, nothing, or an S3 error."""
    head = GET_OBJECT.head()
    head.headers["authorization"] += authorization
    with contextlib.suppress(S3Error):
        assert parse_claim(head) is not None
    for text in (authorization, "AWS4-HMAC-SHA256 " + authorization, GOOD + authorization, None):
        with contextlib.suppress(S3Error):
            claim_of(text, b"/k?X-Amz-" + query)
        with contextlib.suppress(S3Error):
            claim_of(text, presigned_target() + query)
