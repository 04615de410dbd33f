"""Upload forms over real HTTP, with the policies that boto3 makes."""

from __future__ import annotations

import hashlib
import socket
import time
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.conformance.raw import Request, Wire
from tests.conformance.test_sts import client, of_key, of_session
from tests.ops.post_forms import BOUNDARY, CONTENT_TYPE, form_body, signed_fields
from tests.processes import Key, ServerProcess

MIB = 1024 * 1024


class Posted:
    """What a form was answered."""

    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.text = body.decode()


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def post(url: str, fields: dict[str, str], file: bytes, filename: str = "a.txt") -> Posted:
    """POST a form as an HTTP library does."""
    body = form_body(fields, file, filename)
    request = urllib.request.Request(url, body, {"Content-Type": CONTENT_TYPE})
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        with opener.open(request, timeout=30) as answer:
            return Posted(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Posted(error.code, error.headers, error.read())


@pytest.mark.parametrize("size", [0, 100, 5000, 12 * MIB])
def test_a_policy_of_boto3_lets_a_file_in(s3: Any, bucket: str, size: int) -> None:
    made = s3.generate_presigned_post(
        bucket,
        "up/${filename}",
        Fields={"Content-Type": "text/x-a", "x-amz-meta-who": "me"},
        Conditions=[
            {"Content-Type": "text/x-a"},
            {"x-amz-meta-who": "me"},
            ["content-length-range", 0, 20 * MIB],
        ],
    )
    file = b"0123456789abcdef" * (size // 16) + b"x" * (size % 16)
    posted = post(made["url"], made["fields"], file, "ö b.txt")
    assert posted.status == 204, posted.text
    stored = s3.get_object(Bucket=bucket, Key="up/ö b.txt")
    assert stored["Body"].read() == file
    assert stored["ETag"] == posted.headers["ETag"] == f'"{hashlib.md5(file).hexdigest()}"'
    assert (stored["ContentType"], stored["Metadata"]) == ("text/x-a", {"who": "me"})


def test_the_answers_that_a_form_may_ask_for(s3: Any, bucket: str) -> None:
    def made(fields: dict[str, str]) -> Posted:
        conditions = [{name: value} for name, value in fields.items()]
        given = s3.generate_presigned_post(bucket, "k", Fields=fields, Conditions=conditions)
        return post(given["url"], given["fields"], b"file")

    posted = made({"success_action_status": "201"})
    assert posted.status == 201
    assert "<PostResponse>" in posted.text
    assert f"<Bucket>{bucket}</Bucket><Key>k</Key>" in posted.text
    posted = made({"success_action_redirect": "http://127.0.0.1:1/done?a=b"})
    assert posted.status == 303
    assert posted.headers["Location"].startswith(
        f"http://127.0.0.1:1/done?a=b&bucket={bucket}&key=k&etag=%22"
    )


@pytest.mark.parametrize(
    ("changes", "size", "status", "code"),
    [
        ({"key": "elsewhere"}, 10, 403, "AccessDenied"),
        ({"x-amz-meta-more": "1"}, 10, 403, "AccessDenied"),
        ({"x-amz-signature": "0" * 64}, 10, 403, "SignatureDoesNotMatch"),
        ({}, 4, 400, "EntityTooSmall"),
        ({}, 11, 400, "EntityTooLarge"),
        ({}, 100_000, 400, "EntityTooLarge"),
    ],
)
def test_what_the_policy_does_not_allow_is_refused(
    s3: Any, bucket: str, changes: dict[str, str], size: int, status: int, code: str
) -> None:
    made = s3.generate_presigned_post(
        bucket, "k", Conditions=[["content-length-range", 5, 10]]
    )  # fmt: skip
    posted = post(made["url"], {**made["fields"], **changes}, b"x" * size)
    assert (posted.status, f"<Code>{code}</Code>" in posted.text) == (status, True), posted.text
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    if not changes and size == 11:
        posted = post(made["url"], made["fields"], b"x" * 10)
        assert posted.status == 204


def test_a_policy_that_has_expired(s3: Any, bucket: str) -> None:
    made = s3.generate_presigned_post(bucket, "k", ExpiresIn=-5)
    posted = post(made["url"], made["fields"], b"x")
    assert posted.status == 403
    assert "Invalid according to Policy: Policy expired." in posted.text


def test_temporary_credentials_sign_forms_that_carry_their_token(
    server: ServerProcess, s3: Any, alice: Key, bucket: str
) -> None:
    token = "x-amz-security-token"
    issued = client(server, "sts", of_key(alice)).get_session_token(DurationSeconds=900)
    session = client(server, "s3", of_session(issued["Credentials"]))
    made = session.generate_presigned_post(bucket, "k")
    fields = made["fields"]
    for changed in (
        {name: value for name, value in fields.items() if name != token},
        {**fields, token: fields[token][:-4]},
        {**fields, token: ""},
    ):
        posted = post(made["url"], changed, b"file")
        assert posted.status in (400, 403), posted.text
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert post(made["url"], fields, b"file").status == 204
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"file"


def test_a_form_that_breaks_off_leaves_nothing_and_the_server_goes_on(
    s3: Any, server: ServerProcess, alice: Key, bucket: str
) -> None:
    fields = signed_fields(alice, bucket, {"key": "k"}, time.time())
    body = form_body(fields, b"x" * 2 * MIB)
    head = (
        f"POST /{bucket} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Type: {CONTENT_TYPE}"
        f"\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    for cut in (10, len(body) - MIB, len(body) - len(BOUNDARY) - 8):
        with Wire(server.port) as wire:
            wire.send(head + body[:cut])
            wire.socket.shutdown(socket.SHUT_WR)
            assert wire.reply("POST").status == 400
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert post(f"{server.endpoint}/{bucket}", fields, b"x").status == 204


def test_several_forms_on_one_connection(
    s3: Any, server: ServerProcess, alice: Key, bucket: str
) -> None:
    with Wire(server.port) as wire:
        for number in range(3):
            fields = signed_fields(alice, bucket, {"key": f"k{number}"}, time.time())
            after = form_body({"later": "ignored"}, None) if number == 1 else b""
            body = form_body(fields, b"f" * 50_000, after=after)
            headers = {"Host": f"127.0.0.1:{server.port}", "Content-Type": CONTENT_TYPE}
            reply = wire.ask(Request("POST", f"/{bucket}", headers=headers, body=body))
            assert (reply.status, reply.closes) == (204, False)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 3


def test_a_form_is_let_in_at_a_bucket_of_a_virtual_host(
    s3: Any, server: ServerProcess, alice: Key, bucket: str
) -> None:
    fields = signed_fields(alice, bucket, {"key": "k", "success_action_status": "201"}, time.time())
    headers = {"Host": f"{bucket}.s3.local", "Content-Type": CONTENT_TYPE}
    with Wire(server.port) as wire:
        reply = wire.ask(Request("POST", "/", headers=headers, body=form_body(fields, b"x")))
    assert reply.status == 201
    assert reply.field("Location") == f"http://{bucket}.s3.local/k"
