"""Hostile forms and pages over raw sockets.

Classes "POST policy conditions that are not enforced", "information leak by CORS", "script in an
error page", "open redirect", and "crash or loop on malformed input".
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from tests.conformance.raw import Reply, Request, Wire
from tests.conformance.world import unharmed
from tests.ops.post_forms import CONTENT_TYPE, form_body, signed_fields
from tests.processes import Key, ServerProcess

FILE = b"a file of some bytes" * 20


@pytest.fixture(scope="module", autouse=True)
def _nothing_breaks(server: ServerProcess) -> Iterator[None]:
    yield from unharmed(server)


class Target:
    """A bucket that takes forms for the key ``k`` only."""

    def __init__(self, server: ServerProcess, key: Key, bucket: str) -> None:
        self.server = server
        self.key = key
        self.bucket = bucket
        self.host = f"127.0.0.1:{server.port}"

    def fields(self, fields: dict[str, str] | None = None, **options: Any) -> dict[str, str]:
        return signed_fields(
            self.key, self.bucket, {"key": "k", **(fields or {})}, time.time(), **options
        )

    def body(self, fields: dict[str, str] | None = None, **options: Any) -> bytes:
        return form_body(self.fields(fields, **options), FILE)

    def post(self, body: bytes, content_type: str = CONTENT_TYPE, path: str = "") -> Reply:
        headers = {"Host": self.host, "Content-Type": content_type}
        with Wire(self.server.port) as wire:
            return wire.ask(Request("POST", path or f"/{self.bucket}", headers=headers, body=body))


@pytest.fixture
def target(server: ServerProcess, alice: Key, bucket: str) -> Target:
    return Target(server, alice, bucket)


def keys(s3: Any, bucket: str) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


@pytest.mark.parametrize("seed", range(12))
def test_mutated_forms_store_what_was_signed_or_nothing(s3: Any, target: Target, seed: int) -> None:
    rng = Random(seed)
    good = target.body()
    head = good.index(FILE)
    for _ in range(25):
        body = bytearray(good)
        for _ in range(rng.choice((1, 1, 2, 5))):
            at = rng.randrange(head if rng.random() < 0.8 else len(body))
            change = rng.randrange(4)
            if change == 0:
                body[at] = rng.randrange(256)
            elif change == 1:
                del body[at : at + rng.randrange(1, 30)]
            elif change == 2:
                body[at:at] = rng.choice(
                    (b"\r\n", b'"', b"--", b"\0", b"; name=key", bytes(200), good[:at][-60:])
                )
            else:
                start = rng.randrange(head)
                body[at:at] = good[start : start + rng.randrange(200)]
        reply = target.post(bytes(body))
        assert reply.status == 204 or 400 <= reply.status < 500, (reply, bytes(body))
    assert set(keys(s3, target.bucket)) <= {"k"}


def test_a_field_that_is_added_removed_or_changed_is_noticed(s3: Any, target: Target) -> None:
    made = target.fields({"x-amz-meta-a": "1"})
    for changed in (
        {**made, "x-amz-meta-b": "2"},
        {**made, "x-amz-meta-a": "2"},
        {**made, "X-AMZ-META-C": "2"},
        {**made, "acl": "public-read"},
        {**made, "Content-Type": "text/html"},
        {**made, "success_action_redirect": "https://evil.example/"},
        {**made, "key": "K"},
        {**made, "key": "k${filename}"},
        {**made, "policy": made["policy"] + " "},
        {name: value for name, value in made.items() if name != "x-amz-meta-a"},
    ):
        reply = target.post(form_body(changed, FILE))
        assert (reply.status, reply.code in ("AccessDenied", "SignatureDoesNotMatch")) == (
            403, True,
        )  # fmt: skip
    reply = target.post(form_body(made, FILE).replace(b'name="key"', b'name="Key"'))
    assert reply.status == 204
    assert keys(s3, target.bucket) == ["k"]


@pytest.mark.parametrize(
    "document",
    [
        "[" * 14_000,
        '{"expiration": "2099-01-01T00:00:00Z", "conditions": ' + "[" * 7000 + "]" * 7000 + "}",
        '{"expiration": "2099-01-01T00:00:00Z", "conditions": [["content-length-range", 1, '
        + "9" * 6000
        + "]]}",
        "\x00",
        '{"expiration": "9999-99-99T99:99:99Z", "conditions": []}',
        json.dumps({"expiration": "2099-01-01T00:00:00Z", "conditions": [{"a": "\ud800"}]}),
    ],
)
def test_policies_that_are_bombs(target: Target, document: str) -> None:
    policy = b64encode(document.encode("utf-8", "surrogatepass")).decode()
    reply = target.post(form_body(target.fields(policy=policy), FILE))
    assert reply.status in (400, 403), reply
    assert reply.code in ("InvalidPolicyDocument", "AccessDenied")


def test_what_a_form_says_starts_no_header_line(s3: Any, target: Target) -> None:
    for name, value in (
        ("x-amz-meta-a", "b\r\nSet-Cookie: c=d"),
        ("Content-Type", "text/html\nX-Evil: 1"),
        ("x-amz-website-redirect-location", "/a\r\nX-Evil: 1"),
    ):
        reply = target.post(target.body({name: value}))
        assert (reply.status, reply.code) == (400, "InvalidArgument")
    for name in ("success_action_redirect", "redirect"):
        reply = target.post(target.body({name: "http://a.example/\r\nX-Evil: 1"}))
        assert reply.status == 204
        assert "x-evil" not in reply.headers
    assert keys(s3, target.bucket) == ["k"]


def test_markup_in_a_key_is_escaped_in_the_answer(target: Target) -> None:
    evil = "</Key><script xmlns='http://www.w3.org/1999/xhtml'>alert(1)</script>&"
    reply = target.post(target.body({"key": evil, "success_action_status": "201"}))
    assert reply.status == 201
    assert b"<script" not in reply.body
    assert reply.field("Key") == evil


def test_a_request_behind_a_form_is_its_own(target: Target) -> None:
    """What follows the file belongs to the form, up to its declared length."""
    smuggled = f"DELETE /{target.bucket}/k HTTP/1.1\r\nHost: {target.host}\r\n\r\n".encode()
    headers = {"Host": target.host, "Content-Type": CONTENT_TYPE}
    with Wire(target.server.port) as wire:
        body = target.body() + smuggled
        reply = wire.ask(Request("POST", f"/{target.bucket}", headers=headers, body=body))
        assert reply.status == 204
        reply = wire.ask(Request("GET", f"/{target.bucket}/k", headers={"Host": target.host}))
        assert (reply.status, reply.code) == (403, "AccessDenied")


def test_boundaries_that_are_none(target: Target) -> None:
    body = target.body()
    for content_type in (
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "x" * 71,
        'multipart/form-data; boundary="a\x00b"',
        "multipart/form-data; boundary=" + ";" * 5000,
        "multipart/form-data" + "; a=b" * 1000,
    ):
        with Wire(target.server.port) as wire:
            head = (
                f"POST /{target.bucket} HTTP/1.1\r\nHost: {target.host}\r\nContent-Type: "
                f"{content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
            ).encode()
            reply = wire.ask(head + body, "POST")
            assert reply.status == 400


@pytest.mark.parametrize(
    ("path", "bad"),
    [
        ("/<script>alert(1)</script>", b"<script"),
        ("/%3Cimg%20src=x%20onerror=alert(1)%3E", b"<img"),
        ("/a%0D%0AX-Evil:%201", b"<X-Evil"),
        ("/%22%27%3E%3Cb%3E", b"<b>"),
        ("/%00", b"\x00"),
    ],
)
def test_a_page_of_an_error_has_no_markup_of_the_request(
    s3: Any, server: ServerProcess, bucket: str, path: str, bad: bytes
) -> None:
    s3.put_bucket_website(
        Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}}
    )
    everyone = {"Effect": "Allow", "Principal": "*"}
    statements = [
        {**everyone, "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"},
        {**everyone, "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"},
    ]
    policy = {"Version": "2012-10-17", "Statement": statements}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    with Wire(server.port) as wire:
        headers = {"Host": f"{bucket}.web.localhost"}
        reply = wire.ask(Request("GET", path, headers=headers))
    assert reply.status == 404
    assert bad not in reply.body
    assert "x-evil" not in reply.headers
    assert reply.headers["content-type"] == "text/html; charset=utf-8"


def test_a_website_redirects_to_itself_only(s3: Any, server: ServerProcess, bucket: str) -> None:
    s3.put_bucket_website(
        Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}}
    )
    for key in ("/evil.example/index.html", "\\evil.example/index.html"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x", ACL="public-read")
    host = f"{bucket}.web.localhost"
    for path in ("//evil.example", "/%5Cevil.example"):
        with Wire(server.port) as wire:
            reply = wire.ask(Request("GET", path, headers={"Host": host}))
        assert reply.status == 302
        assert reply.headers["location"].startswith(f"http://{host}/")


def test_an_origin_learns_nothing_of_buckets_that_do_not_allow_it(
    s3: Any, server: ServerProcess, bucket: str
) -> None:
    """A preflight to a bucket without rules and one to no bucket differ in nothing."""
    headers = {
        "Host": f"127.0.0.1:{server.port}",
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "GET",
    }
    seen = []
    for name in (bucket, "no-such-bucket-here"):
        with Wire(server.port) as wire:
            reply = wire.ask(Request("OPTIONS", f"/{name}/k", headers=headers))
        kept = {k: v for k, v in reply.headers.items() if k not in _OF_ONE_ANSWER}
        seen.append((reply.status, kept, reply.field("Code"), reply.field("Message")))
        assert "access-control-allow-origin" not in reply.headers
    assert seen[0] == seen[1]


_OF_ONE_ANSWER = {"date", "x-amz-request-id", "content-length"}
