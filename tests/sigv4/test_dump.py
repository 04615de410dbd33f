"""What people have of a request: read from logs, and compared with what the server says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from z4tw.sigv4.dump import (
    Difference,
    Dump,
    RawHead,
    SignedTexts,
    first_difference,
    read_dump,
    signed_texts,
)

CURL = """*   Trying 127.0.0.1:9670...
> GET /bucket/a%20b?x=1 HTTP/1.1
> Host: localhost:9670
> Authorization: AWS4-HMAC-SHA256 Credential=K
> x-amz-meta-a: 1
> x-amz-meta-a:  2
>
< HTTP/1.1 403 Forbidden
"""
LOG = """2026-01-01 00:00:00,000 - MainThread - botocore.auth - DEBUG - CanonicalRequest:
GET
/bucket/key

host:localhost:9670
x-amz-date:20260101T000000Z

host;x-amz-date
UNSIGNED-PAYLOAD
2026-01-01 00:00:00,000 - MainThread - botocore.auth - DEBUG - StringToSign:
AWS4-HMAC-SHA256
20260101T000000Z
20260101/us-east-1/s3/aws4_request
abc
2026-01-01 00:00:00,000 - MainThread - botocore.auth - DEBUG - Signature:
def
2026-01-01 00:00:00,100 - MainThread - botocore.parsers - DEBUG - Response body:
{response}
"""
_ERROR = (
    "<Error><StringToSign>AWS4-HMAC-SHA256\n20260101T000000Z\n"
    "20260101/us-east-1/s3/aws4_request\nxyz</StringToSign>"
    "<CanonicalRequest>GET\n/bucket/key\n\nhost:proxy&amp;co\nx-amz-date:20260101T000000Z\n\n"
    "host;x-amz-date\nUNSIGNED-PAYLOAD</CanonicalRequest></Error>"
)
LOG = LOG.replace("{response}", repr(_ERROR.encode()))


def test_a_head_is_read_raw_and_from_curl() -> None:
    expected = RawHead(
        "GET",
        "/bucket/a%20b?x=1",
        {
            "host": "localhost:9670",
            "authorization": "AWS4-HMAC-SHA256 Credential=K",
            "x-amz-meta-a": "1,2",
        },
    )
    assert read_dump(CURL).head == expected
    raw = CURL.replace("> ", "").replace(">", "").partition("...\n")[2].replace("\n", "\r\n")
    assert read_dump(raw).head == expected


def test_both_sides_are_read_from_one_log() -> None:
    dump = read_dump(LOG)
    assert dump.head is None
    assert dump.client is not None
    assert dump.server is not None
    assert dump.client.canonical_request.startswith("GET\n/bucket/key\n\nhost:localhost")
    assert dump.client.string_to_sign.endswith("aws4_request\nabc")
    assert "host:proxy&co\n" in dump.server.canonical_request
    found = first_difference(dump.client, dump.server)
    assert found == Difference(4, "header host", "host:localhost:9670", "host:proxy&co")


def test_of_several_requests_the_last_counts() -> None:
    dump = read_dump(LOG + LOG.replace("/bucket/key", "/bucket/other"))
    assert dump.client is not None
    assert dump.client.canonical_request.startswith("GET\n/bucket/other\n")


def canonical(**changed: str) -> SignedTexts:
    parts = {
        "method": "GET", "path": "/a", "query": "", "headers": "host:h\nx-amz-date:1\n",
        "names": "host;x-amz-date", "hash": "00",
    } | changed  # fmt: skip
    return SignedTexts("\n".join(parts.values()), changed.get("text", "A\nB\nC\nD"))


def part(one: SignedTexts, other: SignedTexts) -> str | None:
    found = first_difference(one, other)
    return None if found is None else found.part


def test_the_part_that_differs_has_a_name() -> None:
    same = canonical()
    assert part(same, canonical()) is None
    assert part(same, canonical(method="PUT")) == "method"
    assert part(same, canonical(path="/b")) == "path"
    assert part(same, canonical(query="x=1")) == "query"
    assert part(same, canonical(headers="host:h\nx-amz-date:2\n")) == "header x-amz-date"
    assert part(same, canonical(names="host")) == "signed headers"
    assert part(same, canonical(hash="11")) == "payload hash"
    request = same.canonical_request
    for text, name in (
        ("x\nB\nC\nD", "algorithm"), ("A\nx\nC\nD", "date"), ("A\nB\nx\nD", "credential scope"),
        ("A\nB\nC\nx", "hash"), ("A\nB", "credential scope"),
    ):  # fmt: skip
        assert part(SignedTexts(request, "A\nB\nC\nD"), SignedTexts(request, text)) == name


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert isinstance(read_dump(text), Dump)


@given(st.text(), st.text())
def test_any_two_texts_are_compared(one: str, other: str) -> None:
    found = first_difference(SignedTexts(one, ""), SignedTexts(other, ""))
    assert (found is None) == (one == other)


SENT = (
    "2026-01-01 00:00:00,000 - MainThread - botocore.endpoint - DEBUG - Sending http request: "
    "<AWSPreparedRequest stream_output=False, method=GET, url=http://h:1/b?list-type=2, headers="
    "{'User-Agent': b'x', 'host': b'h:1', 'X-Amz-Date': '20260101T000000Z', "
    "'x-amz-content-sha256': b'UNSIGNED-PAYLOAD', 'Authorization': b'AWS4-HMAC-SHA256 "
    "Credential=K/20260101/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, "
    "Signature=00', 'n': 5}>"
)


def test_a_client_that_logs_only_what_it_sent_has_signed_that() -> None:
    dump = read_dump(SENT)
    assert dump.head is not None
    assert (dump.head.method, dump.head.target) == ("GET", "/b?list-type=2")
    assert dump.head.headers["host"] == "h:1"
    assert dump.head.headers["n"] == "5"
    assert dump.client is not None
    assert not dump.logged
    assert read_dump(LOG).logged
    assert dump.client.canonical_request == (
        "GET\n/b\nlist-type=2\nhost:h:1\nx-amz-date:20260101T000000Z\n\nhost;x-amz-date\n"
        "UNSIGNED-PAYLOAD"
    )
    assert dump.client.string_to_sign.startswith(
        "AWS4-HMAC-SHA256\n20260101T000000Z\n20260101/us-east-1/s3/aws4_request\n"
    )
    root = read_dump(SENT.replace("/b?list-type=2", ""))
    assert root.head is not None
    assert root.head.target == "/"


def test_what_is_not_signed_or_not_readable_gives_no_texts() -> None:
    assert signed_texts(RawHead("GET", "/", {"host": "h"})) is None
    assert signed_texts(RawHead("GET", "/", {"authorization": "AWS4"})) is None
    assert read_dump(SENT.replace("b'x'", "__import__('os')")).head is None
    assert read_dump(SENT.replace("'n': 5", "'n': " + "(" * 3000)).head is None
