"""Tags and their header."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw.errors import InvalidArgument, InvalidTag
from z4tw.s3.tagging import BUCKET_TAGS, OBJECT_TAGS, check_tags, parse_tagging_header

TEXT = st.text("aZ09 +-=._:/@é漢", min_size=1, max_size=20)


@given(st.dictionaries(TEXT, TEXT, max_size=10))
def test_the_header_gives_back_what_was_encoded(tags: dict[str, str]) -> None:
    assert parse_tagging_header(urlencode(tags)) == tags


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("", {}),
        ("a=1&b=", {"a": "1", "b": ""}),
        ("a", {"a": ""}),
        ("k%3D=v%26", {"k=": None}),
    ],
)
def test_headers(header: str, tags: dict[str, str | None]) -> None:
    if None in tags.values():
        with pytest.raises(InvalidTag):
            parse_tagging_header(header)
    else:
        assert parse_tagging_header(header) == tags


@pytest.mark.parametrize(
    "header",
    ["=v", "&", "a=1&a=2", "k" * 129 + "=v", "k=" + "v" * 257, "aws:x=1", "AWS:x=1", "k=%00",
     "&".join(f"k{n}=v" for n in range(11))],
)  # fmt: skip
def test_tags_beyond_the_limits_are_refused(header: str) -> None:
    with pytest.raises(InvalidTag):
        parse_tagging_header(header)


def test_bytes_that_are_not_utf8_are_refused() -> None:
    with pytest.raises(InvalidArgument):
        parse_tagging_header("a=%FF")


def test_limits_themselves_pass() -> None:
    full = [("k" * 125 + f"{n:03d}", "v" * 256) for n in range(BUCKET_TAGS)]
    assert len(check_tags(full, BUCKET_TAGS)) == BUCKET_TAGS
    assert len(check_tags(full[:10], OBJECT_TAGS)) == OBJECT_TAGS
    with pytest.raises(InvalidTag, match="Bucket tags cannot be greater than 50"):
        check_tags([*full, ("one", "more")], BUCKET_TAGS)
    with pytest.raises(InvalidTag, match="Object tags cannot be greater than 10"):
        check_tags(full, OBJECT_TAGS)
