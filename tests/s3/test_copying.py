"""The source of a copy and its directives."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw.errors import InvalidArgument, KeyTooLongError
from z4tw.s3.copying import CopySource, parse_copy_source, parse_rename_source, replaces

ID = "0" * 32


@given(st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable()))
def test_an_encoded_key_comes_back(key: str) -> None:
    assert parse_copy_source("bucket/" + quote(key)) == CopySource("bucket", key, "")
    assert parse_copy_source(f"/bucket/{quote(key)}?versionId={ID}") == CopySource(
        "bucket", key, ID
    )


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ("/bucket/a//b", ("bucket", "a//b", "")),
        ("bucket//a", ("bucket", "/a", "")),
        ("%2Fbucket%2Fkey", ("bucket", "key", "")),
        ("bucket/a+b", ("bucket", "a+b", "")),
        ("bucket/a?b", ("bucket", "a?b", "")),
        ("bucket/k?versionId=null", ("bucket", "k", "null")),
        ("bucket/../x", ("bucket", "../x", "")),
        ("bucket/\xc3\xa9", ("bucket", "é", "")),
    ],
)
def test_sources(value: str, source: tuple[str, str, str]) -> None:
    assert parse_copy_source(value) == source


@pytest.mark.parametrize(
    "value",
    ["", "/", "bucket", "bucket/", "/bucket/", "Bucket/key", "//key", "bucket/%FF", "b/k",
     "bucket/k?versionId=", "bucket/k?versionId=nonsense",
     "arn:aws:s3:us-east-1:1:accesspoint/x/object/y"],
)  # fmt: skip
def test_what_names_no_object_is_refused(value: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_copy_source(value)


def test_a_long_key_is_refused() -> None:
    with pytest.raises(KeyTooLongError):
        parse_copy_source("bucket/" + "k" * 1025)


def test_directives() -> None:
    name = "x-amz-metadata-directive"
    assert replaces({name: "REPLACE"}, name)
    assert not replaces({name: "COPY"}, name)
    assert not replaces({}, name)
    with pytest.raises(InvalidArgument, match="Unknown metadata directive"):
        replaces({name: "replace"}, name)
    with pytest.raises(InvalidArgument, match="Unknown tagging directive"):
        replaces({"x-amz-tagging-directive": "X"}, "x-amz-tagging-directive")


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("k", "k"), ("/k", "k"), ("a/b%20c", "a/b c"), ("bucket/k", "k"), ("/bucket/k", "k"),
        ("bucket/bucket/k", "bucket/k"), ("other/k", "other/k"), ("//k", "/k"),
        ("bucket", "bucket"), ("k?versionId=1", "k?versionId=1"),
    ],
)  # fmt: skip
def test_sources_of_renames(value: str, key: str) -> None:
    assert parse_rename_source(value, "bucket") == key


@pytest.mark.parametrize("value", ["", "/", "bucket/", "/bucket/", "%FF"])
def test_what_names_no_key_is_no_source_of_a_rename(value: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_rename_source(value, "bucket")
    with pytest.raises(KeyTooLongError):
        parse_rename_source("k" * 1025, "bucket")
