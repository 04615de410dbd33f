"""PostObject: who may upload by a form, what, and what comes of it."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import pytest

from tests.ops.harness import Answer, Harness, Key, run
from tests.ops.post_forms import CONTENT_TYPE, form_body, policy_text, signed_fields
from z4tw.interfaces import Decision, Effect, PolicyRequest
from z4tw.ops.context import Settings
from z4tw.policy.grants import GrantsEvaluator

FILE = b"the file\r\n" * 3


class ToAll:
    """Allows everybody some actions, notes what it is asked."""

    def __init__(self, *actions: str, deny: str = "") -> None:
        self.actions = actions
        self.deny = deny
        self.asked: list[PolicyRequest] = []

    def evaluate(self, request: PolicyRequest) -> Decision:
        self.asked.append(request)
        if request.action == self.deny:
            return Decision(Effect.DENY, "denied")
        allowed = request.action in self.actions
        return Decision(Effect.ALLOW if allowed else Effect.ABSTAIN, "test")


class World:
    """A bucket, and forms posted to it. Without evaluators there are those of a server."""

    def __init__(self, *evaluators: Any, settings: Settings | None = None) -> None:
        chosen = [GrantsEvaluator(), *evaluators] if evaluators else None
        self.harness = Harness(evaluators=chosen, settings=settings)
        self.harness.bucket()
        self.key: Key = self.harness.user

    def fields(self, fields: dict[str, str], **options: Any) -> dict[str, str]:
        key = options.pop("key", self.key)
        return signed_fields(key, "bucket", fields, self.harness.clock.ms / 1000, **options)

    def post(
        self,
        fields: dict[str, str],
        file: bytes | None = FILE,
        *,
        target: str = "/bucket",
        headers: dict[str, str] | None = None,
        pieces: Sequence[bytes] | None = None,
        chunked: bool = False,
        **body: Any,
    ) -> Answer:
        data = form_body(fields, file, **body)
        if pieces is None:
            pieces = [data[at : at + 50] for at in range(0, len(data), 50)]
        return self.harness.anonymous(
            "POST",
            target,
            headers={"content-type": CONTENT_TYPE, **(headers or {})},
            body=data,
            pieces=pieces,
            chunked=chunked,
        )

    def signed(self, fields: dict[str, str], file: bytes = FILE, **options: Any) -> Answer:
        return self.post(self.fields(fields, **options), file)

    def keys(self) -> list[str]:
        return self.harness.request("GET", "/bucket").texts("Contents/Key")


def test_a_signed_form_stores_its_file() -> None:
    world = World()
    answer = world.signed({"key": "dir/name", "Content-Type": "text/x-a", "x-amz-meta-a": "b"})
    assert (answer.status, answer.error, answer.body) == (204, "", b"")
    assert answer.headers["location"] == "http://localhost:9670/bucket/dir/name"
    assert answer.exchange.operation == "PostObject"
    assert (answer.exchange.key, answer.exchange.requester) == ("dir/name", world.key.account_id)
    stored = world.harness.request("GET", "/bucket/dir/name")
    assert (stored.body, stored.headers["etag"]) == (FILE, answer.headers["etag"])
    assert stored.headers["content-type"] == "text/x-a"
    assert stored.headers["x-amz-meta-a"] == "b"


@pytest.mark.parametrize("size", [0, 1, 100, 4096, 5000, 70_000, 3_000_000])
def test_files_of_all_sizes(size: int) -> None:
    world = World()
    file = bytes(range(256)) * (size // 256 + 1)
    for after in (b"", b"--x\r\n" * 3000):
        body = form_body(world.fields({"key": "k"}), file[:size])
        pieces = [body[at : at + 60_000] for at in range(0, len(body), 60_000)]
        answer = world.harness.anonymous(
            "POST",
            "/bucket",
            headers={"content-type": CONTENT_TYPE},
            body=body + after,
            pieces=[*pieces, after],
        )
        assert answer.status == 204, answer
        assert world.harness.request("GET", "/bucket/k").body == file[:size]


def test_what_comes_after_the_file_is_ignored() -> None:
    world = World()
    other = form_body({"key": "other"}, b"second")
    assert world.post(world.fields({"key": "first"}), after=other).status == 204
    assert world.keys() == ["first"]


@pytest.mark.parametrize(
    ("filename", "name"),
    [("a b.txt", "a b.txt"), ("C:\\x\\é.txt", "é.txt"), ("/etc/../x", "x"), ("", "")],
)
def test_the_file_name_goes_into_every_field(filename: str, name: str) -> None:
    world = World()
    fields = world.fields(
        {"key": "in/${filename}", "x-amz-meta-name": "<${filename}>"},
        conditions=[["starts-with", "$key", "in/"], {"x-amz-meta-name": f"<{name}>"}],
    )
    assert world.post(fields, filename=filename).status == 204
    assert world.keys() == [f"in/{name}"]


def test_the_file_name_cannot_break_out_of_the_policy() -> None:
    world = World()
    fields = world.fields({"key": "${filename}"}, conditions=[["starts-with", "$key", "in/"]])
    answer = world.post(fields, filename="in/evil")
    assert (answer.status, answer.error) == (403, "AccessDenied")
    assert world.keys() == []


@pytest.mark.parametrize(
    ("fields", "status", "location"),
    [
        ({}, 204, "http://localhost:9670/bucket/k%3C"),
        ({"success_action_status": "200"}, 200, "http://localhost:9670/bucket/k%3C"),
        ({"success_action_status": "201"}, 201, "http://localhost:9670/bucket/k%3C"),
        ({"success_action_status": "404"}, 204, "http://localhost:9670/bucket/k%3C"),
        (
            {"success_action_redirect": "http://a/b?c=d#e", "success_action_status": "201"},
            303,
            "http://a/b?c=d&bucket=bucket&key=k%3C&etag={etag}#e",
        ),
        ({"redirect": "https://a"}, 303, "https://a?bucket=bucket&key=k%3C&etag={etag}"),
        ({"redirect": "javascript:alert(1)"}, 204, "http://localhost:9670/bucket/k%3C"),
        ({"redirect": "http://a b"}, 204, "http://localhost:9670/bucket/k%3C"),
    ],
)
def test_the_answer_is_as_the_form_wishes(
    fields: dict[str, str], status: int, location: str
) -> None:
    answer = World().signed({"key": "k<", **fields})
    assert answer.status == status
    etag = answer.headers["etag"].replace('"', "%22")
    assert answer.headers["location"] == location.replace("{etag}", etag)
    if status != 201:
        assert answer.body == b""
        return
    assert answer.xml.tag == "PostResponse"
    found = {child.tag: child.text for child in answer.xml}
    assert found == {
        "Location": location, "Bucket": "bucket", "Key": "k<", "ETag": answer.headers["etag"],
    }  # fmt: skip


def test_a_versioned_bucket_says_the_version() -> None:
    world = World()
    world.harness.bucket("versioned", versioning="Enabled")
    fields = signed_fields(world.key, "versioned", {"key": "k"}, world.harness.clock.ms / 1000)
    answer = world.post(fields, target="/versioned")
    assert answer.headers["x-amz-version-id"]
    assert answer.exchange.version_id == answer.headers["x-amz-version-id"]


def test_tags_are_xml_and_headers_are_fields() -> None:
    world = World()
    tagging = "<Tagging><TagSet><Tag><Key>a b</Key><Value>1+2 3</Value></Tag></TagSet></Tagging>"
    answer = world.signed(
        {
            "key": "k",
            "tagging": tagging,
            "acl": "private",
            "x-amz-storage-class": "STANDARD_IA",
            "x-amz-website-redirect-location": "/there",
            "Cache-Control": "max-age=1",
            "x-amz-checksum-sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        }
    )
    assert answer.error == "BadDigest"
    assert world.keys() == []
    answer = world.signed(
        {
            "key": "k",
            "tagging": tagging,
            "acl": "private",
            "x-amz-storage-class": "STANDARD_IA",
            "x-amz-website-redirect-location": "/there",
            "Cache-Control": "max-age=1",
        }
    )
    assert answer.status == 204, answer
    assert world.harness.request("GET", "/bucket/k?tagging").texts("TagSet/Tag/Key") == ["a b"]
    stored = world.harness.request("HEAD", "/bucket/k").headers
    assert stored["x-amz-storage-class"] == "STANDARD_IA"
    assert stored["x-amz-website-redirect-location"] == "/there"
    assert stored["cache-control"] == "max-age=1"


REFUSED: list[tuple[str, dict[str, str], dict[str, Any], str, str]] = [
    ("an expired policy", {}, {"expires_s": -1}, "AccessDenied", "Policy expired."),
    (
        "a condition that fails",
        {},
        {"conditions": [{"key": "other"}]},
        "AccessDenied",
        'Policy Condition failed: ["eq", "$key", "other"]',
    ),
    (
        "a field without a condition",
        {"x-amz-meta-a": "1"},
        {"conditions": [{"key": "k"}]},
        "AccessDenied",
        "Extra input fields: x-amz-meta-a",
    ),
    ("another secret", {}, {"secret": "guessed"}, "SignatureDoesNotMatch", ""),
    ("another signature", {}, {"x_amz_signature": "0" * 64}, "SignatureDoesNotMatch", ""),
    ("a signature that is no text", {}, {"x_amz_signature": "é"}, "SignatureDoesNotMatch", ""),
    ("another policy", {}, {"policy_": "x"}, "AccessDenied", "Extra input fields: policy-"),
    ("another region", {}, {"region": "eu-west-1"}, "InvalidArgument", "us-east-1"),
    ("a session token", {}, {"x_amz_security_token": "t"}, "InvalidToken", ""),
    ("another algorithm", {}, {"x_amz_algorithm": "AWS4"}, "InvalidArgument", "only supports"),
    ("a bad date", {}, {"x_amz_date": "today"}, "InvalidArgument", "ISO8601"),
    ("a bad credential", {}, {"x_amz_credential": "k/d/r/s3"}, "InvalidArgument", "mal-formed"),
    ("another date", {}, {"x_amz_date": "20200101T000000Z"}, "InvalidArgument", "date"),
    ("no signature", {}, {"x_amz_signature": ""}, "InvalidArgument", "x-amz-signature"),
    ("no policy", {}, {"policy": "", "drop": "policy"}, "InvalidArgument", "policy"),
    ("version 2", {}, {"drop": "x-amz-signature", "AWSAccessKeyId": "A"}, "InvalidRequest", ""),
    ("an unknown acl", {"acl": "everybody"}, {}, "InvalidArgument", ""),
    ("an append", {"x-amz-write-offset-bytes": "1"}, {}, "NotImplemented", ""),
    ("a copy source", {"x-amz-copy-source": "/a/b"}, {}, "NotImplemented", ""),
    ("a storage class", {"x-amz-storage-class": "TAPE"}, {}, "InvalidStorageClass", ""),
    ("two acls", {"acl": "private", "x-amz-acl": "private"}, {}, "InvalidArgument", "once"),
    ("a header line", {"x-amz-meta-a": "b\nc: d"}, {}, "InvalidArgument", "cannot be one"),
    ("a header name", {"x-amz-meta-a b": "c"}, {}, "InvalidArgument", "cannot be one"),
    ("bad tags", {"tagging": "a=b"}, {}, "MalformedXML", ""),
    ("a long key", {"key": "k" * 1025}, {}, "KeyTooLongError", ""),
    ("an empty key", {"key": ""}, {}, "InvalidArgument", "named 'key'"),
]


@pytest.mark.parametrize(
    ("fields", "options", "error", "message"),
    [row[1:] for row in REFUSED],
    ids=[row[0] for row in REFUSED],
)
def test_forms_that_are_refused_store_nothing(
    fields: dict[str, str], options: dict[str, Any], error: str, message: str
) -> None:
    world = World()
    drop = options.get("drop", "")
    made = world.fields({"key": "k", **fields}, **{k: v for k, v in options.items() if k != "drop"})
    made.pop(drop, None)
    answer = world.post(made)
    assert answer.error == error, answer
    assert message in answer.message
    assert world.keys() == []


def test_an_unknown_key_and_a_stranger_are_refused() -> None:
    world = World()
    unknown = world.key._replace(access_key_id="Z4UNKNOWN")
    assert world.signed({"key": "k"}, key=unknown).error == "InvalidAccessKeyId"
    stranger = world.harness.key("stranger")
    assert world.signed({"key": "k"}, key=stranger).error == "AccessDenied"
    assert world.keys() == []


def test_a_policy_of_another_bucket_is_none_of_this_one() -> None:
    world = World()
    world.harness.bucket("other")
    answer = world.post(world.fields({"key": "k"}), target="/other")
    assert answer.error == "AccessDenied"
    assert '"$bucket"' in answer.message
    policy = policy_text([{"key": "k"}], world.harness.clock.ms / 1000 + 60)
    answer = world.signed({"key": "k"}, policy=policy)
    assert "Extra input fields: bucket" in answer.message


@pytest.mark.parametrize(
    ("size", "error"),
    [
        (9, "EntityTooSmall"),
        (10, ""),
        (20, ""),
        (21, "EntityTooLarge"),
        (200_000, "EntityTooLarge"),
    ],
)
def test_the_length_range_is_kept_while_the_file_streams(size: int, error: str) -> None:
    world = World()
    conditions = [{"key": "k"}, ["content-length-range", 10, 20]]
    for after in (b"", form_body({"later": "y" * 10_000}, None)):
        fields = world.fields({"key": "k"}, conditions=conditions)
        answer = world.post(fields, b"x" * size, after=after)
        assert answer.error == error
    assert world.keys() == ([] if error else ["k"])
    if error:
        assert list(world.harness.blobs.files()) == []


def test_a_file_above_the_limit_is_refused() -> None:
    world = World(settings=Settings(max_put_bytes=100))
    assert world.signed({"key": "k"}, b"x" * 100).status == 204
    assert world.signed({"key": "k"}, b"x" * 101).error == "EntityTooLarge"
    answer = world.signed({"key": "k"}, b"x" * 100_000)
    assert answer.error == "EntityTooLarge"
    assert answer.exchange.form.file._size == 0


def test_a_body_that_breaks_off_stores_nothing() -> None:
    world = World()
    body = form_body(world.fields({"key": "k"}), b"x" * 10_000)
    for cut in (len(body) // 2, len(body) - 6, 100, 0):
        answer = world.post(world.fields({"key": "k"}), b"x" * 10_000, pieces=[body[:cut]])
        assert answer.error == "MalformedPOSTRequest", cut
    assert world.keys() == []


def test_forms_that_are_none() -> None:
    world = World()
    fields = world.fields({"key": "k"})
    assert world.post(fields, None).error == "IncorrectNumberOfFilesInPostRequest"
    assert world.post(fields, chunked=True).error == "MissingContentLength"
    bad = {"content-type": "multipart/form-data"}
    assert world.post(fields, headers=bad).error == "MalformedPOSTRequest"
    long = {**fields, "x-ignore-a": "x" * 21_000}
    assert world.post(long).error == "MaxPostPreDataLengthExceededError"
    binary = form_body(fields, FILE).replace(b"\r\n\r\nk\r\n", b"\r\n\r\n\xff\r\n")
    assert world.post(fields, pieces=[binary]).error == "MalformedPOSTRequest"
    no_key = world.fields({"x-amz-meta-a": "1"})
    assert world.post(no_key).error == "InvalidArgument"
    assert world.keys() == []


def test_fields_to_be_ignored_need_no_condition() -> None:
    world = World()
    fields = {"x-ignore-me": "1", **world.fields({"key": "k"})}
    assert world.post(fields).status == 204


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("x-amz-acl", "public-read", "InvalidArgument"),
        ("x-amz-meta-a", "1", "InvalidArgument"),
        ("x-amz-tagging", "a=1", "InvalidArgument"),
        ("x-amz-write-offset-bytes", "1", "NotImplemented"),
        ("if-none-match", "*", "NotImplemented"),
    ],
)
def test_headers_cannot_go_around_the_policy(name: str, value: str, error: str) -> None:
    world = World()
    answer = world.post(world.fields({"key": "k"}), headers={name: value})
    assert answer.error == error
    if name.startswith("x-amz-"):
        answer = world.post(world.fields({"key": "k"}), target=f"/bucket?{name}={value}")
        assert answer.error == error
    assert world.keys() == []


def test_a_form_is_not_signed_in_its_request() -> None:
    world = World()
    body = form_body({"key": "k"}, FILE)
    headers = {"content-type": CONTENT_TYPE}
    for presign in (False, True):
        answer = world.harness.request(
            "POST", "/bucket", headers=headers, body=body, presign=presign
        )
        assert answer.error == "InvalidArgument"
        assert not answer.exchange.body.touched
    assert world.keys() == []


def test_anonymous_forms_need_what_everybody_may() -> None:
    world = World()
    assert world.post({"key": "k"}).error == "AccessDenied"
    assert world.post({"key": "k"}, target="/absent").error == "AccessDenied"
    assert world.keys() == []
    evaluator = ToAll("s3:PutObject")
    world = World(evaluator)
    tags = {"tagging": "<Tagging><TagSet><Tag><Key>a</Key><Value/></Tag></TagSet></Tagging>"}
    assert world.post({"key": "k", **tags}).error == "AccessDenied"
    assert world.post({"key": "k", "submit": "Send"}).status == 204
    assert world.keys() == ["k"]


def test_policies_see_the_form_as_the_put_that_it_is() -> None:
    evaluator = ToAll(deny="s3:PutObject")
    world = World(evaluator)
    fields = world.fields({"key": "k", "x-amz-storage-class": "STANDARD_IA"})
    answer = world.post(fields, headers={"referer": "http://page/"})
    assert answer.error == "AccessDenied"
    asked = evaluator.asked[-1]
    assert (asked.action, asked.key) == ("s3:PutObject", "k")
    assert asked.context["s3:authType"] == "POST"
    assert asked.context["s3:x-amz-storage-class"] == "STANDARD_IA"
    assert asked.context["aws:Referer"] == "http://page/"


@pytest.mark.parametrize(
    ("role", "allowed"),
    [("read", False), ("write", True), ("owner", True), ("account", True), ("admin", True)],
)
def test_forms_by_every_role(role: str, allowed: bool) -> None:
    world = World()
    key = {"account": world.key, "admin": world.harness.admin_key}.get(role)
    if key is None:
        key = world.harness.key(role)
        run(world.harness.admin.bucket_allow("bucket", role, **{role: True}))
    answer = world.signed({"key": "k"}, key=key)
    assert (answer.status == 204) == allowed
    assert answer.error == ("" if allowed else "AccessDenied")
    forged = world.signed({"key": "k2"}, key=key, secret="guessed")
    assert forged.error == "SignatureDoesNotMatch"
    assert world.keys() == (["k"] if allowed else [])


def policy(effect: str, resource: str, **condition: Any) -> bytes:
    statement = {
        "Effect": effect,
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::bucket/{resource}",
        **({"Condition": {"StringEquals": condition}} if condition else {}),
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}).encode()


def test_a_bucket_policy_may_open_a_folder_to_forms_of_everybody() -> None:
    world = World()
    opened = policy("Allow", "in/*")
    assert world.harness.request("PUT", "/bucket?policy", body=opened).error == ""
    assert world.post({"key": "in/${filename}"}).status == 204
    for key in ("out/a", "in", "${filename}"):
        assert world.post({"key": key}, filename="../in/x").error == "AccessDenied", key
    assert world.keys() == ["in/a.txt"]


def test_a_bucket_policy_may_forbid_forms() -> None:
    world = World()
    closed = policy("Deny", "*", **{"s3:authType": "POST"})
    assert world.harness.request("PUT", "/bucket?policy", body=closed).error == ""
    assert world.signed({"key": "k"}).error == "AccessDenied"
    assert world.harness.put("/bucket/k").status == 200


def test_an_acl_needs_its_own_permission() -> None:
    world = World()
    public = {"key": "k", "acl": "public-read"}
    closed = policy("Deny", "*").replace(b"s3:PutObject", b"s3:PutObjectAcl")
    assert world.harness.request("PUT", "/bucket?policy", body=closed).error == ""
    assert world.signed(public).error == "AccessDenied"
    assert world.keys() == []
    world.harness.request("DELETE", "/bucket?policy")
    assert world.signed(public).status == 204
    assert world.harness.anonymous("GET", "/bucket/k").body == FILE


def test_a_form_is_announced_and_logged_as_what_it_is() -> None:
    world = World(settings=Settings(event_sinks=("hook",), host_id="host"))
    harness = world.harness
    harness.bucket("logs")
    hook = (
        b"<NotificationConfiguration><QueueConfiguration><Queue>arn:aws:sqs:us-east-1:123456789012:"
        b"hook</Queue><Event>s3:ObjectCreated:Post</Event></QueueConfiguration>"
        b"</NotificationConfiguration>"
    )
    logging = (
        b"<BucketLoggingStatus><LoggingEnabled><TargetBucket>logs</TargetBucket><TargetPrefix/>"
        b"</LoggingEnabled></BucketLoggingStatus>"
    )
    assert harness.request("PUT", "/bucket?notification", body=hook).error == ""
    assert harness.request("PUT", "/bucket?logging", body=logging).error == ""
    harness.put("/bucket/put")
    answer = world.signed({"key": "k"})
    assert answer.exchange.logged is not None
    assert answer.exchange.object_size == len(FILE)
    events = [event.occurrence for _, event in run(harness.store.outbox("hook", 10))]
    assert [(one.event, one.key) for one in events][-1:] == [("s3:ObjectCreated:Post", "k")]
    refused = world.signed({"key": "k"}, secret="guessed")
    assert refused.exchange.logged is not None
    origin = {"origin": "http://a", "access-control-request-method": "GET"}
    assert harness.anonymous("OPTIONS", "/bucket/k", headers=origin).exchange.logged is not None
    assert harness.anonymous("OPTIONS", "/logs/k", headers=origin).exchange.logged is None


def test_the_expected_owner_is_enforced() -> None:
    world = World()
    writer = world.harness.key("writer")
    mine = {"key": "k", "x-amz-expected-bucket-owner": world.key.account_number}
    assert world.signed(mine).status == 204
    other = {"key": "k", "x-amz-expected-bucket-owner": writer.account_number}
    assert world.signed(other).error == "AccessDenied"


def test_cors_applies_to_forms() -> None:
    world = World()
    rules = (
        b"<CORSConfiguration><CORSRule><AllowedOrigin>http://a</AllowedOrigin><AllowedMethod>POST"
        b"</AllowedMethod></CORSRule></CORSConfiguration>"
    )
    world.harness.request("PUT", "/bucket?cors", body=rules)
    for fields, status in ((world.fields({"key": "k"}), 204), ({"key": "k"}, 403)):
        answer = world.post(fields, headers={"origin": "http://a"})
        assert answer.status == status
        assert answer.headers["access-control-allow-origin"] == "http://a"
        answer = world.post(fields, headers={"origin": "http://b"})
        assert "access-control-allow-origin" not in answer.headers


def test_a_policy_that_cannot_be_read() -> None:
    world = World()
    for text in ("x", b64encode(b"{").decode(), b64encode(json.dumps([]).encode()).decode()):
        answer = world.signed({"key": "k"}, policy=text)
        assert (answer.status, answer.error) == (400, "InvalidPolicyDocument")


def test_the_file_of_a_form_is_held_to_the_quota_by_its_real_size() -> None:
    world = World()
    run(world.harness.admin.bucket_quota("bucket", max_bytes=2 * len(FILE)))
    assert world.signed({"key": "one"}).status == 204
    assert world.signed({"key": "two"}, FILE + b"x").error == "QuotaExceeded"
    assert world.signed({"key": "two"}).status == 204
    assert world.signed({"key": "three"}).error == "QuotaExceeded"
    assert world.keys() == ["one", "two"]


def test_a_form_may_say_who_reads_its_file() -> None:
    world = World()
    assert world.signed({"key": "open", "acl": "public-read"}).status == 204
    assert world.signed({"key": "closed"}).status == 204
    assert world.harness.anonymous("GET", "/bucket/open").body == FILE
    assert world.harness.anonymous("GET", "/bucket/closed").error == "AccessDenied"


def test_a_form_may_be_posted_to_an_alias_of_the_bucket() -> None:
    world = World()
    run(world.harness.admin.bucket_alias_add("bucket", "other-name"))
    fields = signed_fields(world.key, "other-name", {"key": "k"}, world.harness.clock.ms / 1000)
    assert world.post(fields, target="/other-name").status == 204
    assert world.keys() == ["k"]
    assert world.post(fields, target="/bucket").error == "AccessDenied"
