"""The canonical request: raw paths, queries and headers, encoded once."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw.sigv4 import canonical_path, canonical_query
from z4tw.sigv4.canonical import canonical_request, canonical_value


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        (b"/", "/"),
        (b"", "/"),
        (b"/bucket/key.txt", "/bucket/key.txt"),
        (b"/bucket//a/../b/./c", "/bucket//a/../b/./c"),
        (b"/bucket/%2e%2e/x", "/bucket/../x"),
        (b"/bucket/a b", "/bucket/a%20b"),
        (b"/bucket/a%20b", "/bucket/a%20b"),
        (b"/bucket/a+b", "/bucket/a%2Bb"),
        (b"/bucket/a%2bb", "/bucket/a%2Bb"),
        (b"/test$file.text", "/test%24file.text"),
        (b"/bucket/%7Ehome/~x", "/bucket/~home/~x"),
        (b"/bucket/a%252Fb", "/bucket/a%252Fb"),
        (b"/bucket/urn:oid:1=2", "/bucket/urn%3Aoid%3A1%3D2"),
        (b"/bucket/\xc3\xa9", "/bucket/%C3%A9"),
        (b"/bucket/%c3%a9", "/bucket/%C3%A9"),
        (b"/bucket/\xff%FF", "/bucket/%FF%FF"),
        (b"/bucket/100%", "/bucket/100%25"),
        (b"/bucket/%zz", "/bucket/%25zz"),
    ],
)
def test_a_path_is_encoded_once_and_never_normalised(raw: bytes, canonical: str) -> None:
    assert canonical_path(raw) == canonical


@given(st.binary(max_size=40))
def test_a_path_means_the_same_however_it_was_encoded(key: bytes) -> None:
    encoded = "/" + quote(key, safe="/")
    everything = "/" + "".join(f"%{byte:02x}" for byte in key)
    assert canonical_path(encoded.encode()) == encoded
    assert canonical_path(everything.encode()) == encoded


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        (b"", ""),
        (b"acl", "acl="),
        (b"acl=", "acl="),
        (b"b=1&a=2", "a=2&b=1"),
        (b"a=2&a=10&a=1", "a=1&a=10&a=2"),
        (b"prefix-x=1&prefix=2", "prefix=2&prefix-x=1"),  # names sort before their values
        (b"a=1&B=2", "B=2&a=1"),
        (b"prefix=a%2fb", "prefix=a%2Fb"),
        (b"prefix=a/b", "prefix=a%2Fb"),
        (b"prefix=a b&x=a+b&y=a%20b", "prefix=a%20b&x=a%20b&y=a%20b"),
        (b"x=a%2Bb", "x=a%2Bb"),
        (b"x=a=b", "x=a%3Db"),
        (b"x=a=b&y=%20", "x=a%3Db&y=%20"),
        (b"&&a=1&", "a=1"),
        (b"&&a=%20&", "a=%20"),
        (b"=", "="),
        (b"a%00=1", "a%00=1"),
        (b"\xc3\xa9=1&z=2&%41=3", "%C3%A9=1&A=3&z=2"),
        (b"X-Amz-Signature=1", "X-Amz-Signature=1"),
    ],
)
def test_a_query_is_sorted_by_encoded_names_then_values(raw: bytes, canonical: str) -> None:
    assert canonical_query(raw) == canonical


def test_only_a_presigned_query_leaves_its_signature_out() -> None:
    raw = b"X-Amz-Signature=ab&X-Amz-Date=1&x-amz-signature=2&x=%20"
    assert canonical_query(raw, presigned=True) == "X-Amz-Date=1&x=%20&x-amz-signature=2"
    assert "X-Amz-Signature=ab" in canonical_query(raw)


@pytest.mark.parametrize(
    ("value", "canonical"),
    [
        ("", ""),
        ("a", "a"),
        ("  a \t", "a"),
        ("a b", "a b"),
        ("a   b  c", "a b c"),
        (' "a  b" ', '"a b"'),
        ("a\xa0\xa0b", "a\xa0\xa0b"),
    ],
)
def test_header_values_are_trimmed_and_runs_of_spaces_collapse(value: str, canonical: str) -> None:
    assert canonical_value(value) == canonical


@given(st.dictionaries(st.sampled_from("abcd"), st.text(" \tab:", max_size=6), min_size=1))
def test_a_canonical_request_has_every_value_canonical(headers: dict[str, str]) -> None:
    names = tuple(sorted(headers))
    lines = canonical_request("GET", b"/k?x", headers, names, "hash", False).decode().split("\n")
    assert lines[:3] == ["GET", "/k", "x="]
    assert lines[3:-3] == [f"{name}:{canonical_value(headers[name])}" for name in names]
    assert lines[-3:] == ["", ";".join(names), "hash"]


def test_header_bytes_beyond_ascii_are_hashed_as_they_were_sent() -> None:
    headers = {"host": "h", "x-amz-meta-a": "é".encode().decode("latin-1")}
    request = canonical_request("GET", b"/", headers, tuple(headers), "hash", False)
    assert "x-amz-meta-a:é\n".encode() in request


def test_an_absent_header_counts_as_empty() -> None:
    request = canonical_request("GET", b"/", {"host": "h"}, ("host", "range"), "hash", False)
    assert b"\nhost:h\nrange:\n\nhost;range\n" in request
