"""Signatures of the fast signer hold for the server and are those that botocore makes."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.bench.support import ID, SECRET, make_target
from z4tw.bench.bodies import Bodies
from z4tw.bench.signing import Signer
from z4tw.interfaces.http import RequestHead
from z4tw.sigv4 import SigningKeys, parse_claim, verify

NOW = 1_700_000_000.0
CASES: list[tuple[str, str, str, int]] = [
    ("GET", "/bucket/z4-bench-1/objects/00/0000000", "", 0),
    ("HEAD", "/bucket/key", "", 0),
    ("PUT", "/bucket/key", "", 1024),
    ("PUT", "/bucket/key", "partNumber=2&uploadId=a%2Bb", 5000),
    ("POST", "/bucket/key", "uploads=", 0),
    ("GET", "/bucket", "list-type=2&prefix=a%2Fb&start-after=a%2Fb%2F1", 0),
    ("DELETE", "/bucket/key", "", 0),
]


def parse(raw: bytes, now: float) -> RequestHead:
    lines = raw.decode().split("\r\n")
    method, target, _ = lines[0].split(" ")
    pairs = (line.partition(": ")[::2] for line in lines[1:] if line)
    headers = {name.lower(): value for name, value in pairs}
    return RequestHead(
        method, target.encode(), headers, None, False, "127.0.0.1", False, now, "0" * 16
    )


@pytest.mark.parametrize(("method", "path", "query", "size"), CASES)
@pytest.mark.parametrize("token", ["", "session/token+="])
def test_the_server_accepts_the_signature(
    method: str, path: str, query: str, size: int, token: str
) -> None:
    signer = Signer(make_target(token=token, region="eu-west-1"))
    body_hash = Bodies().sha256(size)
    raw = signer.many(method, (path,), NOW, query, body_hash, size)[0]
    head = parse(raw, NOW + 899)
    claim = parse_claim(head)
    assert claim is not None
    assert verify(claim, head, SECRET, "eu-west-1", SigningKeys()).payload_hash == body_hash
    assert head.headers.get("x-amz-security-token", "") == token
    assert ("content-length" in head.headers) == (method in ("PUT", "POST"))


@pytest.mark.parametrize(("method", "path", "query", "size"), CASES)
def test_botocore_makes_the_same_signature(
    method: str, path: str, query: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies, target = Bodies(), make_target(9000)
    raw = Signer(target).many(method, (path,), NOW, query, bodies.sha256(size), size)[0]
    headers = parse(raw, NOW).headers
    request: Any = AWSRequest(
        method,
        f"{target.endpoint}{path}" + (f"?{query}" if query else ""),
        data=bytes(bodies.piece(0, size)),
        headers={"X-Amz-Content-SHA256": bodies.sha256(size)},
    )
    request.context["timestamp"] = headers["x-amz-date"]
    request.headers["X-Amz-Date"] = headers["x-amz-date"]
    auth = S3SigV4Auth(Credentials(ID, SECRET), "s3", "us-east-1")
    text = auth.string_to_sign(request, auth.canonical_request(request))
    assert headers["authorization"].endswith(f"Signature={auth.signature(text, request)}")


def test_requests_of_a_batch_differ_and_are_one_each() -> None:
    heads = Signer(make_target()).many("GET", [f"/b/{n}" for n in range(100)], NOW)
    assert len({head.rpartition(b"Signature=")[2] for head in heads}) == 100
    assert all(head.count(b"\r\n\r\n") == 1 and head.endswith(b"\r\n\r\n") for head in heads)


def test_a_new_day_has_a_new_key() -> None:
    signer = Signer(make_target())
    for now in (NOW, NOW + 86_400, NOW):
        head = parse(signer.many("GET", ("/b/k",), now)[0], now)
        claim = parse_claim(head)
        assert claim is not None
        verify(claim, head, SECRET, "us-east-1", SigningKeys())
