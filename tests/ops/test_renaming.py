"""RenameObject: what moves, the conditions, and crashes and others in between."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ops.harness import Answer, Key, run
from tests.ops.hooks import SMALL, Crash, HookedHarness, Uploading, crash
from z4tw.errors import InvalidArgument
from z4tw.objects.commands import DeleteObject, PutVersion
from z4tw.ops.renaming import request_token

BIG = b"big" * 30_000
BEFORE, AFTER = "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
MATCH = "x_amz_rename_source_if_match"
TOKEN = "x_amz_client_token"


@pytest.fixture
def harness() -> HookedHarness:
    harness = HookedHarness(settings=SMALL)
    harness.bucket()
    return harness


def rename(
    harness: HookedHarness,
    source: str,
    target: str,
    key: Key | None = None,
    **headers: str,
) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named["x-amz-rename-source"] = source
    return harness.request("PUT", f"/bucket/{target}?renameObject", named, key=key)


def keys(harness: HookedHarness) -> list[str]:
    return harness.request("GET", "/bucket?list-type=2").texts("Contents/Key")


def body(harness: HookedHarness, key: str) -> bytes | str:
    answer = harness.request("GET", f"/bucket/{key}")
    return answer.error or answer.body


@pytest.mark.parametrize("data", [b"", b"small", BIG], ids=["empty", "inline", "file"])
def test_everything_of_the_object_moves(harness: HookedHarness, data: bytes) -> None:
    headers = {"content-type": "text/x", "x-amz-meta-a": "1", "x-amz-tagging": "t=1"}
    harness.put("/bucket/old", data, headers=headers)
    before = harness.request("HEAD", "/bucket/old")
    harness.clock.advance(100)
    blobs = len(list(harness.blobs.files()))
    answer = rename(harness, "old", "new")
    assert (answer.status, answer.body) == (200, b"")
    assert keys(harness) == ["new"]
    assert body(harness, "new") == data
    after = harness.request("HEAD", "/bucket/new")
    assert after.headers == before.headers  # the time too, as AWS keeps it
    assert len(list(harness.blobs.files())) == blobs
    assert harness.request("GET", "/bucket/new?tagging").texts("TagSet/Tag/Value") == ["1"]


def test_a_multipart_object_keeps_its_parts(harness: HookedHarness) -> None:
    upload = Uploading(harness, "/bucket/old")
    upload.part(1, b"a" * 200)
    upload.part(2, b"b")
    assert upload.complete().status == 200
    etag = harness.request("HEAD", "/bucket/old").headers["etag"]
    rename(harness, "old", "new")
    head = harness.request("HEAD", "/bucket/new?partNumber=2").headers
    assert (head["etag"], head["x-amz-mp-parts-count"]) == (etag, "2")


@pytest.mark.parametrize("source", ["a%2Fb c", "/a/b%20c", "bucket/a/b%20c", "/bucket/a/b%20c"])
def test_the_source_is_a_key_with_or_without_the_bucket(
    harness: HookedHarness, source: str
) -> None:
    harness.put("/bucket/a/b%20c", b"x")
    assert rename(harness, source, "new").status == 200
    assert keys(harness) == ["new"]


def test_what_is_under_the_new_key_is_replaced(harness: HookedHarness) -> None:
    harness.put("/bucket/old", b"1")
    harness.put("/bucket/new", b"2")
    assert rename(harness, "old", "new").status == 200
    assert (keys(harness), body(harness, "new")) == (["new"], b"1")


def test_with_versioning_the_old_key_gets_a_delete_marker() -> None:
    harness = HookedHarness(settings=SMALL)
    harness.bucket(versioning="Enabled")
    version = harness.put("/bucket/old", BIG).headers["x-amz-version-id"]
    harness.put("/bucket/new", b"before")
    assert rename(harness, "old", "new").status == 200
    listing = harness.request("GET", "/bucket?versions").xml
    rows = [(row.tag, row.findtext("Key")) for row in listing if row.find("Key") is not None]
    assert rows == [("Version", "new"), ("Version", "new"), ("DeleteMarker", "old"),
                    ("Version", "old")]  # fmt: skip
    assert harness.request("GET", f"/bucket/old?versionId={version}").body == BIG
    assert body(harness, "new") == BIG


def test_a_lock_stays_with_the_old_version_and_the_new_one_has_the_buckets_default() -> None:
    harness = HookedHarness(settings=SMALL)
    harness.bucket(locked=True)
    version = harness.put("/bucket/old", b"x").headers["x-amz-version-id"]
    hold = b"<LegalHold><Status>ON</Status></LegalHold>"
    harness.request("PUT", "/bucket/old?legal-hold", body=hold)
    assert rename(harness, "old", "new").status == 200
    assert harness.request("DELETE", f"/bucket/old?versionId={version}").error == "AccessDenied"
    assert harness.request("GET", "/bucket/new?legal-hold").error != ""


@pytest.mark.parametrize(
    ("source", "target", "headers", "code"),
    [
        ("absent", "new", {}, "NoSuchKey"),
        ("", "new", {}, "InvalidArgument"),
        ("bucket/", "new", {}, "InvalidArgument"),
        ("%FF", "new", {}, "InvalidArgument"),
        ("k" * 1025, "new", {}, "KeyTooLongError"),
        ("old", "old", {}, "InvalidRequest"),
        ("old", "other", {"if_none_match": "*"}, "PreconditionFailed"),
        ("old", "other", {"if_none_match": '"e"'}, "NotImplemented"),
        ("old", "other", {"if_match": '"e"'}, "PreconditionFailed"),
        ("old", "new", {"if_match": '"e"'}, "NoSuchKey"),
        ("old", "new", {"if_modified_since": BEFORE}, "PreconditionFailed"),
        ("old", "other", {"if_modified_since": AFTER}, "PreconditionFailed"),
        ("old", "other", {"if_unmodified_since": BEFORE}, "PreconditionFailed"),
        ("old", "new", {MATCH: '"e"'}, "PreconditionFailed"),
        ("old", "new", {"x_amz_rename_source_if_none_match": "*"}, "PreconditionFailed"),
        ("old", "new", {"x_amz_rename_source_if_modified_since": AFTER}, "PreconditionFailed"),
        ("old", "new", {"x_amz_rename_source_if_unmodified_since": BEFORE}, "PreconditionFailed"),
        ("old", "new", {TOKEN: "a b"}, "InvalidArgument"),
        ("old", "new", {TOKEN: ""}, "InvalidArgument"),
        ("old", "new", {TOKEN: "t" * 65}, "InvalidArgument"),
        ("old", "new", {"x_amz_server_side_encryption": "AES256"}, "InvalidArgument"),
    ],
)
def test_what_is_refused_moves_nothing(
    harness: HookedHarness, source: str, target: str, headers: dict[str, str], code: str
) -> None:
    harness.put("/bucket/old", b"1")
    harness.put("/bucket/other", b"2")
    assert rename(harness, source, target, **headers).error == code
    assert keys(harness) == ["old", "other"]
    assert body(harness, "other") == b"2"


def test_the_header_must_be_there(harness: HookedHarness) -> None:
    assert harness.request("PUT", "/bucket/new?renameObject").error == "InvalidRequest"


@pytest.mark.parametrize(
    "headers",
    [
        {"if_none_match": "*"},
        {"if_unmodified_since": AFTER},
        {MATCH: "*", "x_amz_rename_source_if_modified_since": BEFORE},
    ],
)
def test_conditions_that_hold(harness: HookedHarness, headers: dict[str, str]) -> None:
    harness.put("/bucket/old", b"1")
    assert rename(harness, "old", "new", **headers).status == 200
    assert keys(harness) == ["new"]


def test_dates_of_what_is_under_the_new_key(harness: HookedHarness) -> None:
    harness.put("/bucket/old", b"1")
    harness.put("/bucket/new", b"2")
    headers = {"if_modified_since": BEFORE, "if_unmodified_since": AFTER}
    assert rename(harness, "old", "new", **headers).status == 200
    assert body(harness, "new") == b"1"


def test_it_takes_the_rights_to_read_to_delete_and_to_write(harness: HookedHarness) -> None:
    harness.put("/bucket/old", b"1")
    for rights in ("read", "write"):
        key = harness.key(rights)
        run(harness.admin.bucket_allow("bucket", rights, **{rights: True}))
        assert rename(harness, "old", "new", key).error == "AccessDenied"
        assert rename(harness, "absent", "new", key).error == "AccessDenied"
    both = harness.key("both")
    run(harness.admin.bucket_allow("bucket", "both", read=True, write=True))
    assert rename(harness, "old", "new", both).status == 200


class TestInBetween:
    def test_a_crash_leaves_both_and_the_repeat_ends_it(self, harness: HookedHarness) -> None:
        harness.put("/bucket/old", BIG)
        harness.store.after("change", crash, PutVersion)
        with pytest.raises(Crash):
            rename(harness, "old", "new", if_none_match="*")
        assert keys(harness) == ["new", "old"]
        assert rename(harness, "old", "new", if_none_match="*").status == 200
        assert (keys(harness), body(harness, "new")) == (["new"], BIG)

    def test_what_was_written_to_the_old_key_meanwhile_stays(self, harness: HookedHarness) -> None:
        harness.put("/bucket/old", b"1")
        harness.store.after("change", lambda: harness.put("/bucket/old", b"1"), PutVersion)
        assert rename(harness, "old", "new").status == 200
        assert (body(harness, "old"), body(harness, "new")) == (b"1", b"1")

    def test_a_source_that_is_gone_before_it_is_shared_is_looked_for_again(
        self, harness: HookedHarness
    ) -> None:
        harness.put("/bucket/old", BIG)

        def replace() -> None:
            harness.put("/bucket/old", BIG + b"2")
            harness.clock.advance(100_000)

        harness.store.before("change", replace, PutVersion)
        answer = rename(harness, "old", "new")
        assert answer.status == 200
        assert body(harness, "new") in (BIG, BIG + b"2")

    def test_a_date_that_was_looked_at_holds_for_what_was_there(
        self, harness: HookedHarness
    ) -> None:
        harness.put("/bucket/old", b"1")
        harness.store.before("change", lambda: harness.put("/bucket/new", b"2"), PutVersion)
        answer = rename(harness, "old", "new", if_unmodified_since=AFTER)
        assert answer.error == "ConditionalRequestConflict"
        assert (keys(harness), body(harness, "new")) == (["new", "old"], b"2")


class TestTokens:
    def test_a_repeat_succeeds_and_does_nothing(self, harness: HookedHarness) -> None:
        harness.put("/bucket/old", b"1")
        assert rename(harness, "old", "new", **{TOKEN: "t"}).status == 200
        harness.put("/bucket/old", b"2")
        assert rename(harness, "old", "new", **{TOKEN: "t"}).status == 200
        assert (body(harness, "old"), body(harness, "new")) == (b"2", b"1")

    def test_a_repeat_after_a_crash_removes_the_old_key(self, harness: HookedHarness) -> None:
        harness.put("/bucket/old", b"inline")
        harness.store.before("change", crash, DeleteObject)
        with pytest.raises(Crash):
            rename(harness, "old", "new", **{TOKEN: "t"})
        assert keys(harness) == ["new", "old"]
        assert rename(harness, "old", "new", **{TOKEN: "t"}).status == 200
        assert keys(harness) == ["new"]

    @pytest.mark.parametrize(
        ("source", "headers"), [("other", {}), ("old", {"if_match": "*"}), ("old", {MATCH: "*"})]
    )
    def test_other_parameters_do_not_go_with_it(
        self, harness: HookedHarness, source: str, headers: dict[str, Any]
    ) -> None:
        harness.put("/bucket/old", b"1")
        harness.put("/bucket/other", b"2")
        assert rename(harness, "old", "new", **{TOKEN: "t"}).status == 200
        answer = rename(harness, source, "new", **{TOKEN: "t"}, **headers)
        assert (answer.status, answer.error) == (400, "IdempotencyParameterMismatch")
        assert rename(harness, "other", "new", **{TOKEN: "t2"}).status == 200

    def test_it_is_made_of_printable_ascii(self) -> None:
        assert request_token({}, "k") == ""
        assert request_token({"x-amz-client-token": "!~" * 32}, "k").startswith("rename !~")
        with pytest.raises(InvalidArgument):
            request_token({"x-amz-client-token": "\u00e9"}, "k")
