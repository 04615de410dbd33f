"""CORS documents, and which rule allows what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.s3.documents import read_document
from z4tw.errors import InvalidRequest, MalformedXML, MissingRequestBodyError, S3Error
from z4tw.s3.cors import (
    VARY,
    CorsRule,
    Granted,
    answer_headers,
    cors_document,
    find_rule,
    parse_cors,
    requested_headers,
    stored_rules,
)

RULE = "<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>"


def document(*rules: str) -> bytes:
    return f"<CORSConfiguration>{''.join(rules)}</CORSConfiguration>".encode()


def rule(inner: str = RULE) -> str:
    return f"<CORSRule>{inner}</CORSRule>"


def test_a_document_is_read() -> None:
    inner = (
        "<ID>one</ID><AllowedOrigin>http://*.a</AllowedOrigin><AllowedOrigin>http://b"
        "</AllowedOrigin><AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod>"
        "<AllowedHeader>x-amz-*</AllowedHeader><ExposeHeader>ETag</ExposeHeader>"
        "<MaxAgeSeconds>30</MaxAgeSeconds>"
    )
    assert parse_cors(document(rule(inner), rule())) == (
        CorsRule("one", ("http://*.a", "http://b"), ("PUT", "GET"), ("x-amz-*",), ("ETag",), 30),
        CorsRule("", ("*",), ("GET",), (), (), None),
    )


NAMES = st.text("abcXYZ-", min_size=1, max_size=10)
RULES = st.builds(
    CorsRule,
    st.text('ab<&>" é', max_size=20),
    st.lists(st.sampled_from(["*", "http://a", "https://*.b", "null"]), min_size=1).map(tuple),
    st.lists(st.sampled_from(["GET", "PUT", "HEAD"]), min_size=1).map(tuple),
    st.lists(NAMES | st.just("x-*") | st.just("*")).map(tuple),
    st.lists(NAMES).map(tuple),
    st.none() | st.integers(0, 999_999_999),
)


@given(st.lists(RULES, min_size=1, max_size=5).map(tuple))
def test_what_is_written_is_read_again(rules: tuple[CorsRule, ...]) -> None:
    stored = cors_document(rules)
    assert parse_cors(stored) == rules
    assert stored_rules(stored) is stored_rules(stored)


def test_clients_read_what_is_written() -> None:
    rules = (CorsRule("i", ("http://a",), ("GET",), ("*",), ("ETag",), 0),)
    assert read_document("GetBucketCors", cors_document(rules)) == {
        "CORSRules": [
            {
                "ID": "i",
                "AllowedOrigins": ["http://a"],
                "AllowedMethods": ["GET"],
                "AllowedHeaders": ["*"],
                "ExposeHeaders": ["ETag"],
                "MaxAgeSeconds": 0,
            }
        ]
    }


@pytest.mark.parametrize(
    ("body", "error", "message"),
    [
        (b"", MissingRequestBodyError, "empty"),
        (document(), MalformedXML, "well-formed"),
        (document("<Rule/>"), MalformedXML, "well-formed"),
        (document(rule("<AllowedOrigin>*</AllowedOrigin>")), MalformedXML, "well-formed"),
        (document(rule("<AllowedMethod>GET</AllowedMethod>")), MalformedXML, "well-formed"),
        (document(rule(RULE + "<Other/>")), MalformedXML, "well-formed"),
        (document(rule(RULE + "<ID>a</ID><ID>b</ID>")), MalformedXML, "well-formed"),
        (document(rule(RULE + "<MaxAgeSeconds>-1</MaxAgeSeconds>")), MalformedXML, "well-formed"),
        (document(rule(RULE + "<MaxAgeSeconds>soon</MaxAgeSeconds>")), MalformedXML, "well-formed"),
        (document(rule(RULE + "<AllowedHeader><b/></AllowedHeader>")), MalformedXML, "well-formed"),
        (document(*[rule()] * 101), InvalidRequest, "limit of 100 rules"),
        (
            document(rule(RULE + "<AllowedMethod>PATCH</AllowedMethod>")),
            InvalidRequest,
            "Found unsupported HTTP method in CORS config. Unsupported method is PATCH",
        ),
        (document(rule(RULE + "<AllowedMethod>get</AllowedMethod>")), InvalidRequest, "get"),
        (
            document(rule(RULE + "<AllowedOrigin>http://*.*</AllowedOrigin>")),
            InvalidRequest,
            'AllowedOrigin "http://\\*.\\*" can not have more than one wildcard',
        ),
        (document(rule(RULE + "<AllowedOrigin/>")), InvalidRequest, "not valid"),
        (
            document(rule(RULE + "<AllowedOrigin>a&#10;b</AllowedOrigin>")),
            InvalidRequest,
            "not valid",
        ),
        (document(rule(RULE + "<AllowedHeader>x-*-*</AllowedHeader>")), InvalidRequest, "wildcard"),
        (document(rule(RULE + "<AllowedHeader>a b</AllowedHeader>")), InvalidRequest, "not valid"),
        (document(rule(RULE + "<ExposeHeader>x-*</ExposeHeader>")), InvalidRequest, "wildcard"),
        (
            document(rule(RULE + "<ExposeHeader>a:&#13;b</ExposeHeader>")),
            InvalidRequest,
            "not valid",
        ),
        (document(rule(RULE + f"<ID>{'i' * 256}</ID>")), InvalidRequest, "255"),
    ],
)
def test_documents_that_are_refused(body: bytes, error: type[S3Error], message: str) -> None:
    with pytest.raises(error, match=message):
        parse_cors(body)


def test_a_hundred_rules_are_allowed() -> None:
    assert len(parse_cors(document(*[rule()] * 100))) == 100


RULES_TO_MATCH = (
    CorsRule("1", ("http://a",), ("PUT",), ("Content-Type", "x-amz-*"), ("ETag",), 5),
    CorsRule("2", ("https://*.b.example", "http://c*"), ("GET", "HEAD"), ("*",), (), None),
    CorsRule("3", ("*",), ("DELETE",), (), (), None),
)


@pytest.mark.parametrize(
    ("origin", "method", "headers", "id", "answered"),
    [
        ("http://a", "PUT", (), "1", "http://a"),
        ("http://a", "PUT", ("content-type",), "1", "http://a"),
        ("http://a", "PUT", ("CONTENT-TYPE", "x-amz-meta-a"), "1", "http://a"),
        ("http://a", "PUT", ("authorization",), "", ""),
        ("http://a", "PUT", ("content-type", "authorization"), "", ""),
        ("http://a", "GET", (), "", ""),
        ("http://A", "PUT", (), "", ""),
        ("http://a.evil", "PUT", (), "", ""),
        ("https://www.b.example", "GET", ("anything",), "2", "https://www.b.example"),
        ("https://b.example", "GET", (), "", ""),
        ("https://.b.example", "GET", (), "2", "https://.b.example"),
        ("https://www.b.example.evil", "GET", (), "", ""),
        ("http://c", "HEAD", (), "2", "http://c"),
        ("http://c.evil", "HEAD", (), "2", "http://c.evil"),
        ("http://any", "DELETE", (), "3", "*"),
        ("null", "DELETE", (), "3", "*"),
        ("http://any", "DELETE", ("x-a",), "", ""),
        ("http://any", "POST", (), "", ""),
    ],
)
def test_the_first_rule_that_allows_counts(
    origin: str, method: str, headers: tuple[str, ...], id: str, answered: str
) -> None:
    found = find_rule(RULES_TO_MATCH, origin, method, headers)
    assert (found.rule.id, found.origin) == (id, answered) if found else id == ""


def test_a_wildcard_does_not_let_its_two_halves_overlap() -> None:
    rules = (CorsRule("", ("ab*ba",), ("GET",), (), (), None),)
    assert find_rule(rules, "aba", "GET") is None
    assert find_rule(rules, "abba", "GET") is not None


def test_requested_header_names() -> None:
    assert requested_headers("") == []
    assert requested_headers("X-A, content-type,,") == ["x-a", "content-type"]
    assert requested_headers("a b") is None
    assert requested_headers("a:b") is None


def test_credentials_go_with_named_origins_only() -> None:
    first, _, third = RULES_TO_MATCH
    assert answer_headers(Granted(first, "http://a"), ["x-a", "x-b"]) == [
        ("Access-Control-Allow-Origin", "http://a"),
        ("Access-Control-Allow-Methods", "PUT"),
        ("Access-Control-Allow-Headers", "x-a, x-b"),
        ("Access-Control-Expose-Headers", "ETag"),
        ("Access-Control-Max-Age", "5"),
        ("Access-Control-Allow-Credentials", "true"),
        VARY,
    ]
    assert answer_headers(Granted(third, "*")) == [
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Methods", "DELETE"),
        VARY,
    ]
