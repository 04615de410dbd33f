"""CORS: the configuration's operations, preflights, and the headers of all other answers."""

from __future__ import annotations

import pytest

from tests.ops.harness import Answer, Harness
from z4tw.ops.context import Settings

HOME = "http://home.example"
DOCUMENT = (
    b"<CORSConfiguration><CORSRule><AllowedOrigin>http://home.example</AllowedOrigin>"
    b"<AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod>"
    b"<AllowedHeader>x-amz-*</AllowedHeader><ExposeHeader>ETag</ExposeHeader>"
    b"<MaxAgeSeconds>60</MaxAgeSeconds></CORSRule></CORSConfiguration>"
)
VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


def prepared(document: bytes = DOCUMENT) -> Harness:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key")
    assert harness.request("PUT", "/bucket?cors", body=document).status == 200
    return harness


def asks(harness: Harness, target: str = "/bucket/key", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return harness.anonymous("OPTIONS", target, headers=named)


def test_rules_are_put_read_replaced_and_deleted() -> None:
    harness = prepared()
    answer = harness.request("GET", "/bucket?cors")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/xml")
    assert answer.texts("CORSRule/AllowedMethod") == ["GET", "PUT"]
    assert answer.text("CORSRule/MaxAgeSeconds") == "60"
    other = DOCUMENT.replace(b"<AllowedMethod>PUT</AllowedMethod>", b"")
    assert harness.request("PUT", "/bucket?cors", body=other).status == 200
    assert harness.request("GET", "/bucket?cors").texts("CORSRule/AllowedMethod") == ["GET"]
    for _ in range(2):
        answer = harness.request("DELETE", "/bucket?cors")
        assert (answer.status, answer.body) == (204, b"")
    answer = harness.request("GET", "/bucket?cors")
    assert (answer.status, answer.error) == (404, "NoSuchCORSConfiguration")


def test_what_is_refused_leaves_the_rules_as_they_were() -> None:
    harness = prepared()
    bad = DOCUMENT.replace(b"PUT", b"PATCH")
    answer = harness.request("PUT", "/bucket?cors", body=bad)
    assert (answer.status, answer.error) == (400, "InvalidRequest")
    assert harness.request("GET", "/bucket?cors").texts("CORSRule/AllowedMethod") == ["GET", "PUT"]


def test_a_preflight_is_answered_to_anybody() -> None:
    answer = asks(
        prepared(),
        origin=HOME,
        access_control_request_method="PUT",
        access_control_request_headers="X-Amz-Date, x-amz-meta-a",
    )
    assert answer.error == ""
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers == {
        "access-control-allow-origin": HOME,
        "access-control-allow-methods": "GET, PUT",
        "access-control-allow-headers": "x-amz-date, x-amz-meta-a",
        "access-control-expose-headers": "ETag",
        "access-control-max-age": "60",
        "access-control-allow-credentials": "true",
        "vary": VARY,
    }
    assert answer.exchange.operation == "Preflight"
    assert (answer.exchange.bucket, answer.exchange.key) == ("bucket", "key")


@pytest.mark.parametrize(
    ("headers", "code", "message"),
    [
        ({}, "BadRequest", "Insufficient information. Origin request header needed."),
        ({"origin": ""}, "BadRequest", "Origin request header needed"),
        ({"origin": HOME}, "BadRequest", "Invalid Access-Control-Request-Method: null"),
        (
            {"origin": HOME, "access_control_request_method": "PATCH"},
            "BadRequest",
            "Invalid Access-Control-Request-Method: PATCH",
        ),
        (
            {"origin": "http://evil.example", "access_control_request_method": "GET"},
            "AccessForbidden",
            "CORSResponse: This CORS request is not allowed.",
        ),
        (
            {"origin": HOME, "access_control_request_method": "DELETE"},
            "AccessForbidden",
            "CORSResponse: This CORS request is not allowed.",
        ),
        (
            {
                "origin": HOME,
                "access_control_request_method": "PUT",
                "access_control_request_headers": "x-amz-date, cookie",
            },
            "AccessForbidden",
            "CORSResponse: This CORS request is not allowed.",
        ),
        (
            {
                "origin": HOME,
                "access_control_request_method": "PUT",
                "access_control_request_headers": "x-amz-a b",
            },
            "AccessForbidden",
            "CORSResponse: This CORS request is not allowed.",
        ),
    ],
)
def test_preflights_that_are_refused(headers: dict[str, str], code: str, message: str) -> None:
    answer = asks(prepared(), **headers)
    assert (answer.error, answer.status) == (code, 403 if code == "AccessForbidden" else 400)
    assert message in answer.message
    assert "access-control-allow-origin" not in answer.headers
    if code == "AccessForbidden":
        assert answer.details["ResourceType"] == "OBJECT"


@pytest.mark.parametrize("target", ["/plain", "/plain/key", "/absent", "/absent/key", "/", "/%FF"])
def test_a_preflight_does_not_tell_whether_a_bucket_exists(target: str) -> None:
    harness = Harness()
    harness.bucket("plain")
    answer = asks(harness, target, origin=HOME, access_control_request_method="GET")
    assert (answer.status, answer.error) == (403, "AccessForbidden")
    assert answer.message == "CORSResponse: CORS is not enabled for this bucket."
    assert answer.header_list == []


CASES = [
    ("GET", "/bucket/key", {}, 200, ""),
    ("GET", "/bucket/absent", {}, 404, "NoSuchKey"),
    ("GET", "/bucket/key", {"if-match": '"x"'}, 412, "PreconditionFailed"),
    ("GET", "/bucket/key", {"if-none-match": "*"}, 304, "NotModified"),
    ("GET", "/bucket/key", {"range": "bytes=90-"}, 416, "InvalidRange"),
    ("GET", "/bucket/key?acl&tagging", {}, 400, "InvalidArgument"),
    ("GET", "/bucket/%FF", {}, 400, "InvalidURI"),
    ("PUT", "/bucket?versions", {}, 405, "MethodNotAllowed"),
    ("PUT", "/bucket/new", {"x-amz-something-new": "0"}, 501, "NotImplemented"),
    ("GET", "/bucket", {}, 200, ""),
]


@pytest.mark.parametrize(("method", "target", "headers", "status", "error"), CASES)
def test_every_answer_to_an_allowed_origin_has_the_headers(
    method: str, target: str, headers: dict[str, str], status: int, error: str
) -> None:
    harness = prepared()
    answer = harness.request(method, target, headers={**headers, "origin": HOME})
    assert (answer.status, answer.error) == (status, error)
    if target != "/bucket/%FF":
        assert answer.headers["access-control-allow-origin"] == HOME
        assert answer.headers["access-control-expose-headers"] == "ETag"
        assert answer.headers["vary"] == VARY
    plain = harness.request(method, target, headers=headers)
    assert not any(name.startswith("access-control") for name in plain.headers)
    assert "vary" not in plain.headers


def test_refusals_before_the_operation_have_them_too() -> None:
    harness = prepared()
    stranger = harness.key("stranger")
    origin = {"origin": HOME}
    for answer in (
        harness.anonymous("GET", "/bucket/key", headers=origin),
        harness.request("GET", "/bucket/key", headers=origin, key=stranger),
        harness.request("GET", "/bucket/key", headers=origin, key=stranger._replace(secret="no")),
        harness.request("GET", "/bucket/key", headers=origin, region="elsewhere"),
    ):
        assert answer.status in (400, 403)
        assert answer.headers["access-control-allow-origin"] == HOME


@pytest.mark.parametrize(
    ("method", "origin"), [("GET", "http://evil.example"), ("DELETE", HOME), ("GET", "null")]
)
def test_what_no_rule_allows_is_served_without_the_headers(method: str, origin: str) -> None:
    answer = prepared().request(method, "/bucket/key", headers={"origin": origin})
    assert answer.status in (200, 204)
    assert not any(name.startswith("access-control") for name in answer.headers)
    assert answer.headers["vary"] == VARY


def test_a_bucket_without_rules_answers_as_if_no_origin_were_given() -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key")
    answer = harness.request("GET", "/bucket/key", headers={"origin": HOME})
    assert answer.status == 200
    assert "vary" not in answer.headers
    assert harness.request("GET", "/", headers={"origin": HOME}).status == 200


def test_a_rule_for_all_origins_names_none() -> None:
    harness = prepared(DOCUMENT.replace(b"http://home.example", b"*"))
    answer = harness.request("GET", "/bucket/key", headers={"origin": "http://any.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


def test_changed_rules_count_at_once() -> None:
    harness = prepared()
    ask = {"origin": HOME, "access_control_request_method": "PUT"}
    assert asks(harness, **ask).status == 200
    harness.request("DELETE", "/bucket?cors")
    assert asks(harness, **ask).status == 403


def test_virtual_hosts_are_buckets() -> None:
    harness = Harness(settings=Settings(domains=("s3.local",)))
    harness.bucket()
    harness.request("PUT", "/bucket?cors", body=DOCUMENT)
    answer = asks(
        harness, "/key", host="bucket.s3.local", origin=HOME, access_control_request_method="GET"
    )
    assert answer.status == 200
