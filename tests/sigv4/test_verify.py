"""Whether signatures hold: AWS's examples, botocore as the other side, and every refusal."""

from __future__ import annotations

import datetime
from typing import Any
from unittest import mock
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sigv4.aws_examples import (
    ACCESS_KEY,
    CHUNKED,
    EXAMPLES,
    GET_OBJECT,
    HOST,
    NOW,
    PRESIGNED_SIGNATURE,
    REGION,
    SCOPE,
    SECRET,
    Example,
    make_head,
    presigned_target,
)
from z4tw.errors import S3Error, SignatureDoesNotMatch
from z4tw.interfaces.http import RequestHead
from z4tw.sigv4 import SigningKeys, Verified, derive_key, parse_claim, verify
from z4tw.sigv4.keys import SigningKey

KEYS = SigningKeys()


def check(head: RequestHead, secret: str = SECRET, region: str = REGION) -> Verified:
    claim = parse_claim(head)
    assert claim is not None
    return verify(claim, head, secret, region, KEYS)


def refusal(head: RequestHead, **arguments: str) -> S3Error:
    with pytest.raises(S3Error) as caught:
        check(head, **arguments)
    return caught.value


def presigned(now: float = NOW, headers: dict[str, str] | None = None, **changes: Any) -> Any:
    return make_head("GET", presigned_target(**changes), {"host": HOST, **(headers or {})}, now)


def sign(
    method: str,
    url: str,
    headers: dict[str, str],
    body: bytes = b"",
    auth: Any = S3SigV4Auth,
    now: float = NOW,
    **options: Any,
) -> RequestHead:
    """A request signed by botocore, as it arrives."""
    request = AWSRequest(method=method, url=url, headers=headers, data=body)
    moment = datetime.datetime.fromtimestamp(int(now), datetime.UTC)
    with mock.patch("botocore.auth.get_current_datetime", return_value=moment):
        auth(Credentials(ACCESS_KEY, SECRET), "s3", REGION, **options).add_auth(request)
    parts = urlsplit(request.url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    sent = {name.lower(): value for name, value in request.headers.items()}
    return make_head(method, target.encode("latin-1"), {"host": parts.netloc, **sent}, now)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.name)
def test_awss_examples_hold(example: Example) -> None:
    assert check(example.head()).access_key_id == ACCESS_KEY


def test_awss_presigned_example_holds() -> None:
    verified = check(presigned())
    assert verified.presigned
    assert verified.payload_hash == "UNSIGNED-PAYLOAD"
    assert verified.seed_signature == PRESIGNED_SIGNATURE


def test_what_chunk_signatures_need_is_carried() -> None:
    verified = check(CHUNKED.head())
    assert verified.seed_signature == CHUNKED.signature
    assert verified.scope == SCOPE
    assert verified.amz_date == "20130524T000000Z"
    assert verified.payload_hash == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    key = SigningKey(derive_key(SECRET, "20130524", REGION))
    assert verified.signing_key.sign(b"x") == key.sign(b"x")
    assert "igningKey" not in repr(verified)


def test_a_wrong_signature_is_refused_with_what_was_hashed() -> None:
    error = refusal(GET_OBJECT.head(signature="0" * 64))
    assert error.code == "SignatureDoesNotMatch"
    request = (
        f"GET\n/test.txt\n\nhost:{HOST}\nrange:bytes=0-9\n"
        f"x-amz-content-sha256:{GET_OBJECT.headers['x-amz-content-sha256']}\n"
        "x-amz-date:20130524T000000Z\n\nhost;range;x-amz-content-sha256;x-amz-date\n"
        f"{GET_OBJECT.headers['x-amz-content-sha256']}"
    )
    text = (
        f"AWS4-HMAC-SHA256\n20130524T000000Z\n{SCOPE}\n"
        "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972"
    )
    assert error.details == {
        "AWSAccessKeyId": ACCESS_KEY,
        "StringToSign": text,
        "SignatureProvided": "0" * 64,
        "StringToSignBytes": text.encode().hex(" "),
        "CanonicalRequest": request,
        "CanonicalRequestBytes": request.encode().hex(" "),
    }


def test_the_right_signature_and_the_secret_are_never_told() -> None:
    error = refusal(GET_OBJECT.head(signature="0" * 64))
    told = error.message + "".join(error.details.values())
    assert GET_OBJECT.signature not in told
    assert SECRET not in told


@pytest.mark.parametrize(
    "signature",
    ["0", GET_OBJECT.signature.upper(), GET_OBJECT.signature[:-1], GET_OBJECT.signature + "0",
     "\xe9" * 64],
)  # fmt: skip
def test_a_signature_of_another_form_does_not_match(signature: str) -> None:
    assert refusal(GET_OBJECT.head(signature=signature)).code == "SignatureDoesNotMatch"


def test_another_secret_does_not_match() -> None:
    assert refusal(GET_OBJECT.head(), secret="other").code == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("method", "target"),
    [("PUT", presigned_target()), ("DELETE", presigned_target()),
     ("GET", presigned_target().replace(b"test.txt", b"other.txt")),
     ("GET", presigned_target() + b"&versionId=1"),
     ("GET", presigned_target(Expires="86401"))],
)  # fmt: skip
def test_a_presigned_url_is_good_for_nothing_else(method: str, target: bytes) -> None:
    head = make_head(method, target, {"host": HOST})
    assert refusal(head).code == "SignatureDoesNotMatch"


def test_every_signed_header_must_be_there() -> None:
    """Signing a header as empty and leaving it out would else pass."""
    url = f"https://{HOST}/k"
    head = sign("GET", url, {"range": ""}, auth=S3SigV4QueryAuth)
    assert check(head).presigned
    del head.headers["range"]
    assert refusal(head).code == "SignatureDoesNotMatch"
    head = sign("GET", url, {"range": ""})
    del head.headers["range"]
    assert refusal(head).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("offset", [-900, 0, 900])
def test_a_clock_may_be_off_by_fifteen_minutes(offset: int) -> None:
    assert check(GET_OBJECT.head(now=NOW + offset)).access_key_id == ACCESS_KEY


@pytest.mark.parametrize("offset", [-901, 901, 86400])
def test_a_clock_that_is_off_by_more_is_refused(offset: int) -> None:
    error = refusal(GET_OBJECT.head(now=NOW + offset))
    assert error.code == "RequestTimeTooSkewed"
    assert error.details["RequestTime"] == "20130524T000000Z"
    assert error.details["ServerTime"].startswith("2013-05-2")
    assert error.details["MaxAllowedSkewMilliseconds"] == "900000"


@pytest.mark.parametrize("offset", [-900, 0, 901, 86400])
def test_a_presigned_url_is_good_until_it_expires(offset: int) -> None:
    assert check(presigned(now=NOW + offset)).presigned


def test_a_presigned_url_expires() -> None:
    error = refusal(presigned(now=NOW + 86400.5))
    assert error.code == "AccessDenied"
    assert error.message == "Request has expired"
    assert error.details == {
        "X-Amz-Expires": "86400",
        "Expires": "2013-05-25T00:00:00Z",
        "ServerTime": "2013-05-25T00:00:00Z",
    }


def test_a_presigned_url_is_not_valid_before_its_time() -> None:
    error = refusal(presigned(now=NOW - 901))
    assert error.code == "AccessDenied"
    assert error.message == "Request is not valid yet"
    assert error.details == {
        "X-Amz-Date": "20130524T000000Z",
        "ServerTime": "2013-05-23T23:44:59Z",
    }


def test_another_region_is_refused_with_the_right_one() -> None:
    error = refusal(GET_OBJECT.head(), region="eu-west-1")
    assert error.code == "AuthorizationHeaderMalformed"
    assert error.message == (
        "The authorization header is malformed; the region 'us-east-1' is wrong; expecting "
        "'eu-west-1'"
    )
    assert error.details == {"Region": "eu-west-1"}
    error = refusal(presigned(), region="eu-west-1")
    assert error.code == "AuthorizationQueryParametersError"
    assert error.details == {"Region": "eu-west-1"}


@pytest.mark.parametrize("name", ["x-amz-acl", "x-amz-copy-source", "x-amz-content-sha256"])
def test_unsigned_amz_headers_of_a_presigned_url_are_refused(name: str) -> None:
    error = refusal(presigned(headers={name: "UNSIGNED-PAYLOAD"}))
    assert error.code == "AccessDenied"
    assert error.message == "There were headers present in the request which were not signed"
    assert error.details == {"HeadersNotSigned": name}


def test_unsigned_amz_headers_beside_a_signed_header_are_refused() -> None:
    head = GET_OBJECT.head()
    head.headers["x-amz-tagging"] = "a=b"
    head.headers["x-amz-acl"] = "private"
    error = refusal(head)
    assert error.code == "AccessDenied"
    assert error.details == {"HeadersNotSigned": "x-amz-acl, x-amz-tagging"}


def test_the_host_must_be_signed() -> None:
    error = refusal(presigned(SignedHeaders="range", headers={"range": "bytes=0-1"}))
    assert error.details == {"HeadersNotSigned": "host"}


@pytest.mark.parametrize("name", ["content-type", "range", "x-custom", "x-amzn-trace-id"])
def test_other_unsigned_headers_are_none_of_the_signatures_business(name: str) -> None:
    assert check(presigned(headers={name: "x"})).presigned


def test_a_date_header_is_signed_in_place_of_x_amz_date() -> None:
    head = sign("GET", f"https://{HOST}/k", {"date": "to be set by botocore"})
    assert "x-amz-date" not in head.headers
    assert check(head).amz_date == "20130524T000000Z"


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=12)
KEY = st.text(st.sampled_from("ab/.~+ %=:é$&?#"), max_size=12)
VALUE = st.text(st.sampled_from('ab  ,;="/+é%'), max_size=14)
HEADERS = st.dictionaries(
    st.sampled_from(["x-amz-meta-a", "x-amz-meta-b-c", "range", "content-type", "if-match"]),
    VALUE.filter(lambda value: value.isascii()),
    max_size=4,
)
QUERY = st.dictionaries(
    st.sampled_from(["prefix", "prefix-x", "marker", "acl", "uploadId", "é", "A b"]),
    TEXT,
    max_size=4,
)
HOSTS = st.sampled_from(["127.0.0.1:9670", "bucket.s3.local", "[::1]:9670", "s3.local:8080"])


def url_of(host: str, key: str, query: dict[str, str]) -> str:
    encoded = "&".join(f"{quote(n, safe='')}={quote(v, safe='')}" for n, v in query.items())
    return f"http://{host}/bucket/{quote(key, safe='/~')}" + (f"?{encoded}" if encoded else "")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["GET", "PUT", "HEAD"]), HOSTS, KEY, QUERY, HEADERS, st.binary(max_size=9))
def test_what_botocore_signs_in_headers_holds(
    method: str, host: str, key: str, query: dict[str, str], headers: dict[str, str], body: bytes
) -> None:
    head = sign(method, url_of(host, key, query), headers, body)
    assert check(head).access_key_id == ACCESS_KEY
    altered = make_head(method, head.target + b"x", head.headers)
    assert refusal(altered).code == "SignatureDoesNotMatch"


@settings(max_examples=60, deadline=None)
@given(HOSTS, KEY, QUERY, HEADERS, st.integers(1, 604_800))
def test_what_botocore_presigns_holds(
    host: str, key: str, query: dict[str, str], headers: dict[str, str], expires: int
) -> None:
    url = url_of(host, key, query)
    head = sign("GET", url, headers, auth=S3SigV4QueryAuth, expires=expires)
    assert check(head).presigned
    for name in headers:
        fewer = {other: value for other, value in head.headers.items() if other != name}
        with pytest.raises(SignatureDoesNotMatch):
            check(make_head("GET", head.target, fewer))
