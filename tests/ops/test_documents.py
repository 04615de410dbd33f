"""Reading documents: bounded and verified before anybody parses them."""

from __future__ import annotations

import base64
import hashlib

import pytest

from tests.ops.harness import Answer, Harness
from z4tw.interfaces import S3Response
from z4tw.ops.context import Context
from z4tw.ops.documents import read_document


def read(body: bytes, limit: int | None = None, **arguments: object) -> tuple[Answer, bytes | None]:
    """PUT a document to an operation that only reads it; what it read, None if it could not."""
    seen: list[bytes] = []

    async def keep(context: Context) -> S3Response:
        seen.append(await read_document(context, limit))
        return S3Response(200)

    harness = Harness(operations={"PutBucketTagging": keep})
    harness.bucket()
    answer = harness.request("PUT", "/bucket?tagging", body=body, **arguments)  # type: ignore[arg-type]
    return answer, seen[0] if seen else None


@pytest.mark.parametrize("body", [b"", b"x", b"<Tagging/>" * 100])
def test_a_body_is_read_whole(body: bytes) -> None:
    assert read(body)[1] == body
    pieces = [body[at : at + 7] for at in range(0, len(body), 7)]
    assert read(body, pieces=pieces)[1] == body


def test_a_declared_length_above_the_limit_is_refused_unread() -> None:
    answer, seen = read(b"x" * 11, 10)
    assert (answer.status, answer.error, seen) == (400, "MaxMessageLengthExceeded", None)
    assert not answer.exchange.body.touched
    assert read(b"x" * 10, 10)[1] == b"x" * 10


def test_an_undeclared_length_is_cut_off_at_the_limit() -> None:
    answer, seen = read(b"x" * 11, 10, chunked=True, pieces=[b"x"] * 11)
    assert (answer.error, seen) == ("MaxMessageLengthExceeded", None)
    assert read(b"x" * 10, 10, chunked=True)[1] == b"x" * 10


def test_the_default_limit_is_the_settings() -> None:
    assert read(b"x" * (2 * 1024 * 1024 + 1))[0].error == "MaxMessageLengthExceeded"


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({"content-md5": base64.b64encode(hashlib.md5(b"other").digest()).decode()}, "BadDigest"),
        ({"content-md5": "rubbish"}, "InvalidDigest"),
        ({"x-amz-checksum-crc32": "AAAAAA=="}, "BadDigest"),
    ],
)
def test_digests_are_verified(headers: dict[str, str], error: str) -> None:
    answer, seen = read(b"<Tagging/>", headers=headers)
    assert (answer.error, seen) == (error, None)


def test_right_digests_pass() -> None:
    body = b"<Tagging/>"
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
    headers = {"content-md5": md5, "x-amz-checksum-sha256": digest}
    assert read(body, headers=headers)[1] == body


def test_another_payload_than_the_signed_one_is_refused() -> None:
    answer, seen = read(b"<Tagging/>", payload_hash=hashlib.sha256(b"other").hexdigest())
    assert (answer.error, seen) == ("XAmzContentSHA256Mismatch", None)


def test_a_short_body_is_incomplete() -> None:
    answer, seen = read(b"<Tagging/>", pieces=[b"<Tag"])
    assert (answer.error, seen) == ("IncompleteBody", None)
