"""Buckets are made and removed with what is in them, and refusals are one line."""

from __future__ import annotations

import base64
import hashlib

import pytest

from tests.bench.support import make_target, ok, serving
from z4tw.bench.control import Control
from z4tw.bench.target import BenchError


class Asked:
    """A server that answers from a list and keeps the requests."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[str, dict[str, str], bytes]] = []

    def __call__(self, line: str, headers: dict[str, str], body: bytes) -> bytes:
        self.requests.append((line, headers, body))
        return self.answers.pop(0) if self.answers else ok()


def test_a_bucket_is_made_where_the_target_is() -> None:
    asked = Asked()
    with serving(asked) as port:
        Control(make_target(port)).make_bucket("b")
        Control(make_target(port, region="eu-west-1")).make_bucket("b")
    assert [request[0] for request in asked.requests] == ["PUT /b HTTP/1.1"] * 2
    assert asked.requests[0][2] == b""
    assert b"<LocationConstraint>eu-west-1<" in asked.requests[1][2]


def test_objects_and_open_uploads_are_removed() -> None:
    asked = Asked(
        ok(b"<L><Key>p/a&amp;b</Key><Key>p/c</Key></L>"),
        ok(b"<DeleteResult/>"),
        ok(b"<L/>"),
        ok(b"<L><Upload><Key>p/d e</Key><UploadId>u+1</UploadId></Upload></L>"),
        ok(b"", "204 No Content"),
        ok(b"<L/>"),
    )
    with serving(asked) as port:
        assert Control(make_target(port)).remove_objects("b", "p/") == 3
    lines = [line.split(" ")[:2] for line, _, _ in asked.requests]
    assert lines == [
        ["GET", "/b?list-type=2&prefix=p%2F"],
        ["POST", "/b?delete="],
        ["GET", "/b?list-type=2&prefix=p%2F"],
        ["GET", "/b?prefix=p%2F&uploads="],
        ["DELETE", "/b/p/d%20e?uploadId=u%2B1"],
        ["GET", "/b?prefix=p%2F&uploads="],
    ]
    _, headers, body = asked.requests[1]
    assert b"<Key>p/a&amp;b</Key>" in body
    assert headers["content-md5"] == base64.b64encode(hashlib.md5(body).digest()).decode()


def test_a_refused_deletion_ends_it() -> None:
    asked = Asked(
        ok(b"<L><Key>p/a</Key></L>"), ok(b"<R><Error><Code>AccessDenied</Code></Error></R>")
    )
    with serving(asked) as port, pytest.raises(BenchError, match="AccessDenied"):
        Control(make_target(port)).remove_objects("b", "p/")


def test_a_refusal_names_what_and_why() -> None:
    refused = ok(b"<Error><Code>AccessDenied</Code></Error>", "403 Forbidden")
    with serving(Asked(refused)) as port, pytest.raises(BenchError) as raised:
        Control(make_target(port)).check_bucket("b")
    assert str(raised.value) == f"cannot use the bucket b at http://127.0.0.1:{port}: AccessDenied"


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\nConnection: close\r\n"]
)
def test_what_is_no_s3(answer: bytes) -> None:
    with serving(Asked(answer)) as port, pytest.raises(BenchError, match="no S3 endpoint"):
        Control(make_target(port)).remove_bucket("b")


def test_nobody_there() -> None:
    with serving(Asked()) as port:
        pass
    with pytest.raises(BenchError, match="cannot reach"):
        Control(make_target(port)).remove_bucket("b")
