"""ListObjects, ListObjectsV2, ListObjectVersions: parameters, pages, markers, owners."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.harness import Answer, Harness, run

LISTINGS = ("/bucket?", "/bucket?list-type=2&", "/bucket?versions&")


def filled(*keys: str, versioning: str = "") -> Harness:
    harness = Harness()
    harness.bucket(versioning=versioning)
    for key in keys:
        harness.put(f"/bucket/{quote(key)}")
    return harness


def keys_of(answer: Answer) -> list[str]:
    assert answer.status == 200, answer
    return answer.texts("Contents/Key")


def prefixes_of(answer: Answer) -> list[str]:
    return answer.texts("CommonPrefixes/Prefix")


# All listings


@pytest.mark.parametrize("listing", LISTINGS)
def test_an_empty_bucket_lists_nothing(listing: str) -> None:
    answer = filled().request("GET", listing)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/xml"
    assert answer.headers["x-amz-bucket-region"] == "us-east-1"
    assert answer.text("Name") == "bucket"
    assert answer.text("IsTruncated") == "false"
    assert answer.text("MaxKeys") == "1000"
    assert answer.texts("Contents") == answer.texts("Version") == []


@pytest.mark.parametrize("listing", LISTINGS)
@pytest.mark.parametrize("value", ["-1", "blah", "2147483648", "1.5", "%201"])
def test_max_keys_must_be_a_count(listing: str, value: str) -> None:
    answer = filled().request("GET", f"{listing}max-keys={value}")
    assert (answer.status, answer.error) == (400, "InvalidArgument")
    assert answer.details["ArgumentName"] == "max-keys"


@pytest.mark.parametrize("listing", LISTINGS)
def test_max_keys_is_capped_and_may_be_zero(listing: str) -> None:
    harness = filled("a", "b")
    most = harness.request("GET", f"{listing}max-keys=5000")
    assert most.text("MaxKeys") == "1000"
    none = harness.request("GET", f"{listing}max-keys=0")
    assert none.text("MaxKeys") == "0"
    assert none.text("IsTruncated") == "false"
    assert none.texts("Contents") == none.texts("Version") == []
    assert none.text("NextContinuationToken") is None


@pytest.mark.parametrize("listing", LISTINGS)
def test_only_url_is_an_encoding(listing: str) -> None:
    answer = filled().request("GET", f"{listing}encoding-type=base64")
    assert (answer.error, answer.details["ArgumentName"]) == ("InvalidArgument", "encoding-type")


@pytest.mark.parametrize("listing", LISTINGS)
def test_keys_prefix_and_delimiter_are_encoded_when_asked(listing: str) -> None:
    harness = filled("a b/c+d", "a b/\u00e9")
    answer = harness.request("GET", f"{listing}encoding-type=url&prefix=a%20b/")
    assert answer.text("EncodingType") == "url"
    assert answer.text("Prefix") == "a%20b/"
    found = answer.texts("Contents/Key") or answer.texts("Version/Key")
    assert found == ["a%20b/c%2Bd", "a%20b/%C3%A9"]
    answer = harness.request("GET", f"{listing}encoding-type=url&delimiter=%20b/")
    assert prefixes_of(answer) == ["a%20b/"]
    assert answer.text("Delimiter") == "%20b/"
    plain = harness.request("GET", listing)
    assert plain.text("EncodingType") is None
    assert (plain.texts("Contents/Key") or plain.texts("Version/Key"))[0] == "a b/c+d"


@pytest.mark.parametrize("listing", LISTINGS)
def test_optional_object_attributes_are_accepted(listing: str) -> None:
    answer = filled("a").request(
        "GET", listing, headers={"x-amz-optional-object-attributes": "RestoreStatus"}
    )
    assert answer.status == 200


@pytest.mark.parametrize("listing", LISTINGS)
def test_any_string_is_a_delimiter(listing: str) -> None:
    harness = filled("one::two", "one::three", "one:", "ten\u00e9x")
    answer = harness.request("GET", f"{listing}delimiter=::")
    assert prefixes_of(answer) == ["one::"]
    found = answer.texts("Contents/Key") or answer.texts("Version/Key")
    assert found == ["one:", "ten\u00e9x"]
    answer = harness.request("GET", f"{listing}delimiter=%C3%A9")
    assert prefixes_of(answer) == ["ten\u00e9"]


@pytest.mark.parametrize("listing", LISTINGS)
def test_a_missing_bucket_is_no_such_bucket(listing: str) -> None:
    answer = Harness().request("GET", listing.replace("/bucket", "/missing"))
    assert (answer.status, answer.error) == (404, "NoSuchBucket")


# Version 1


def test_an_entry_says_what_the_object_is() -> None:
    harness = filled("key")
    answer = harness.request("GET", "/bucket")
    assert answer.xml.tag == "ListBucketResult"
    assert answer.text("Contents/ETag") == '"8d777f385d3dfec8815d20f7496026dc"'
    assert answer.text("Contents/Size") == "4"
    assert answer.text("Contents/StorageClass") == "STANDARD"
    assert (answer.text("Contents/LastModified") or "").startswith("2025-10-09T")
    assert answer.text("Contents/Owner/ID") == harness.user.account_id
    assert answer.text("Contents/Owner/DisplayName") == "user"
    assert answer.text("Contents/ChecksumType") == "FULL_OBJECT"


def test_owners_of_objects_are_their_writers() -> None:
    harness = filled("mine")
    writer = harness.key("writer")
    run(harness.admin.bucket_allow("bucket", "writer", write=True))
    harness.put("/bucket/theirs", key=writer)
    answer = harness.request("GET", "/bucket")
    assert answer.texts("Contents/Owner/DisplayName") == ["user", "writer"]


def test_a_marker_starts_after_itself_whether_it_exists_or_not() -> None:
    harness = filled("a", "b", "c")
    assert keys_of(harness.request("GET", "/bucket?marker=a")) == ["b", "c"]
    assert keys_of(harness.request("GET", "/bucket?marker=aa")) == ["b", "c"]
    answer = harness.request("GET", "/bucket?marker=zz")
    assert keys_of(answer) == []
    assert answer.text("Marker") == "zz"


def test_next_marker_is_there_only_with_a_delimiter() -> None:
    harness = filled("a/1", "b", "c/1", "c/2", "d")
    answer = harness.request("GET", "/bucket?max-keys=2")
    assert answer.text("IsTruncated") == "true"
    assert answer.text("NextMarker") is None
    answer = harness.request("GET", "/bucket?max-keys=3&delimiter=/")
    assert (keys_of(answer), prefixes_of(answer)) == (["b"], ["a/", "c/"])
    assert answer.text("NextMarker") == "c/"
    answer = harness.request("GET", "/bucket?max-keys=3&delimiter=/&marker=c/")
    assert (keys_of(answer), prefixes_of(answer)) == (["d"], [])
    assert answer.text("IsTruncated") == "false"
    assert answer.text("NextMarker") is None


def test_keys_are_in_utf8_byte_order() -> None:
    keys = ["Z", "a", "a-b", "a/b", "\u00e9", "\uffee", "\U0001f600"]
    assert keys_of(filled(*reversed(keys)).request("GET", "/bucket")) == keys


def test_a_deleted_object_is_not_listed() -> None:
    harness = filled("a", "b", versioning="Enabled")
    harness.request("DELETE", "/bucket/a")
    assert keys_of(harness.request("GET", "/bucket")) == ["b"]


# Version 2


def test_key_count_counts_keys_and_prefixes() -> None:
    harness = filled("a/1", "a/2", "b", "c")
    answer = harness.request("GET", "/bucket?list-type=2&delimiter=/")
    assert answer.text("KeyCount") == "3"
    assert (keys_of(answer), prefixes_of(answer)) == (["b", "c"], ["a/"])


def test_owners_come_only_when_fetched() -> None:
    harness = filled("a")
    plain = harness.request("GET", "/bucket?list-type=2")
    assert plain.texts("Contents/Owner") == []
    fetched = harness.request("GET", "/bucket?list-type=2&fetch-owner=true")
    assert fetched.texts("Contents/Owner/DisplayName") == ["user"]
    assert (
        harness.request("GET", "/bucket?list-type=2&fetch-owner=false").texts("Contents/Owner")
        == []
    )


def test_start_after_is_used_until_there_is_a_token() -> None:
    harness = filled("a", "b", "c", "d")
    answer = harness.request("GET", "/bucket?list-type=2&start-after=a&max-keys=1")
    assert keys_of(answer) == ["b"]
    assert answer.text("StartAfter") == "a"
    token = quote(answer.text("NextContinuationToken") or "", safe="")
    answer = harness.request("GET", f"/bucket?list-type=2&start-after=a&continuation-token={token}")
    assert keys_of(answer) == ["c", "d"]
    assert quote(answer.text("ContinuationToken") or "", safe="") == token


@pytest.mark.parametrize("token", ["", "x", "%00", "AAAA", quote("b" * 3000)])
def test_a_wrong_token_is_refused(token: str) -> None:
    answer = filled("a").request("GET", f"/bucket?list-type=2&continuation-token={token}")
    assert (answer.status, answer.error) == (400, "InvalidArgument")
    assert answer.details["ArgumentName"] == "continuation-token"


def test_a_token_of_another_bucket_is_refused() -> None:
    harness = filled("a", "b")
    harness.bucket("other")
    token = harness.request("GET", "/bucket?list-type=2&max-keys=1").text("NextContinuationToken")
    target = f"/other?list-type=2&continuation-token={quote(token or '', safe='')}"
    assert harness.request("GET", target).error == "InvalidArgument"


def walk(harness: Harness, first: str) -> tuple[list[str], list[str]]:
    keys: list[str] = []
    prefixes: list[str] = []
    token = ""
    for _ in range(100):
        answer = harness.request("GET", first + token)
        keys += keys_of(answer)
        prefixes += prefixes_of(answer)
        assert int(answer.text("KeyCount") or 0) <= int(answer.text("MaxKeys") or 0)
        following = answer.text("NextContinuationToken")
        assert (following is not None) == (answer.text("IsTruncated") == "true")
        if following is None:
            return keys, prefixes
        token = f"&continuation-token={quote(following, safe='')}"
    raise AssertionError("the pages never end")


@settings(max_examples=30, deadline=None)
@given(
    keys=st.sets(st.text(alphabet="ab/-\u00e9", min_size=1, max_size=5), max_size=12),
    most=st.integers(1, 5),
    prefix=st.sampled_from(["", "a", "a/", "\u00e9"]),
    delimiter=st.sampled_from(["", "/", "-", "a/", "\u00e9"]),
)
def test_pages_together_are_the_whole_listing(
    keys: set[str], most: int, prefix: str, delimiter: str
) -> None:
    harness = filled(*keys)
    ordered = sorted((key for key in keys if key.startswith(prefix)), key=str.encode)
    expected: list[str] = []
    common: list[str] = []
    for key in ordered:
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        if at < 0:
            expected.append(key)
        elif key[: at + len(delimiter)] not in common:
            common.append(key[: at + len(delimiter)])
    target = (
        f"/bucket?list-type=2&max-keys={most}&prefix={quote(prefix, safe='')}"
        f"&delimiter={quote(delimiter, safe='')}"
    )
    assert walk(harness, target) == (expected, common)


# Versions


def test_versions_are_newest_first_and_the_newest_is_latest() -> None:
    harness = filled("a", "b", versioning="Enabled")
    harness.put("/bucket/a", body=b"newer")
    harness.request("DELETE", "/bucket/b")
    answer = harness.request("GET", "/bucket?versions")
    assert answer.xml.tag == "ListVersionsResult"
    order = [
        (child.tag, child.findtext("Key"), child.findtext("IsLatest"), child.findtext("Size"))
        for child in answer.xml
        if child.tag in ("Version", "DeleteMarker")
    ]
    assert order == [
        ("Version", "a", "true", "5"),
        ("Version", "a", "false", "4"),
        ("DeleteMarker", "b", "true", None),
        ("Version", "b", "false", "4"),
    ]
    assert answer.texts("Version/Owner/DisplayName") == ["user"] * 3
    assert answer.texts("DeleteMarker/Owner/DisplayName") == ["user"]
    assert len(set(answer.texts("Version/VersionId"))) == 3


def test_an_unversioned_bucket_lists_null_versions() -> None:
    assert filled("a").request("GET", "/bucket?versions").texts("Version/VersionId") == ["null"]


def test_version_pages_go_on_within_a_key() -> None:
    harness = filled(versioning="Enabled")
    written = [harness.put("/bucket/key").headers["x-amz-version-id"] for _ in range(5)]
    seen: list[str] = []
    markers = ""
    for _ in range(3):
        answer = harness.request("GET", f"/bucket?versions&max-keys=2{markers}")
        seen += answer.texts("Version/VersionId")
        if answer.text("IsTruncated") == "false":
            break
        assert answer.text("NextKeyMarker") == "key"
        markers = f"&key-marker=key&version-id-marker={answer.text('NextVersionIdMarker')}"
    assert seen == written[::-1]
    assert answer.text("KeyMarker") == "key"
    assert answer.text("VersionIdMarker") == written[1]


def test_a_key_marker_alone_passes_the_whole_key() -> None:
    harness = filled("a", "b", versioning="Enabled")
    harness.put("/bucket/a")
    answer = harness.request("GET", "/bucket?versions&key-marker=a")
    assert answer.texts("Version/Key") == ["b"]


def test_version_listings_have_common_prefixes() -> None:
    harness = filled("a/1", "a/2", "b", versioning="Enabled")
    answer = harness.request("GET", "/bucket?versions&delimiter=/")
    assert (answer.texts("Version/Key"), prefixes_of(answer)) == (["b"], ["a/"])
    answer = harness.request("GET", "/bucket?versions&delimiter=/&prefix=a/")
    assert answer.texts("Version/Key") == ["a/1", "a/2"]


def test_a_version_marker_needs_a_key_and_must_be_one() -> None:
    harness = filled("a", versioning="Enabled")
    version = harness.put("/bucket/a").headers["x-amz-version-id"]
    alone = harness.request("GET", f"/bucket?versions&version-id-marker={version}")
    assert (alone.error, alone.details["ArgumentName"]) == ("InvalidArgument", "version-id-marker")
    rubbish = harness.request("GET", "/bucket?versions&key-marker=a&version-id-marker=rubbish")
    assert rubbish.error == "InvalidArgument"
    null = harness.request("GET", "/bucket?versions&key-marker=a&version-id-marker=null")
    assert null.status == 200
