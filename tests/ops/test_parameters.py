"""Parameters that limit a page, and encoding-type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw.errors import InvalidArgument
from z4tw.ops.parameters import LARGEST, count_parameter, url_encoded


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", 1000),
        ("0", 0),
        ("1", 1),
        ("1000", 1000),
        ("1001", 1000),
        (str(LARGEST), 1000),
        ("007", 7),
    ],
)
def test_counts_up_to_the_cap(text: str, value: int) -> None:
    assert count_parameter({"max-keys": text}, "max-keys", 1000) == value


def test_an_absent_count_is_the_cap() -> None:
    assert count_parameter({}, "max-keys", 1000) == 1000


@pytest.mark.parametrize(
    "text",
    ["-1", "blah", "1.5", "1e3", " 1", "1_0", "٣", "+1", "--1", "-", str(LARGEST + 1), "9" * 99],
)
def test_other_counts_are_invalid_arguments(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        count_parameter({"max-keys": text}, "max-keys", 1000)
    assert caught.value.details["ArgumentName"] == "max-keys"


def test_a_count_has_a_least_and_a_greatest_value() -> None:
    assert count_parameter({"n": "5"}, "n", 10, 1, 10) == 5
    for text in ("0", "11"):
        with pytest.raises(InvalidArgument):
            count_parameter({"n": text}, "n", 10, 1, 10)


@given(st.text(max_size=20))
def test_a_count_is_a_number_in_range_or_refused(text: str) -> None:
    try:
        value = count_parameter({"max-keys": text}, "max-keys", 1000)
    except InvalidArgument:
        return
    assert 0 <= value <= 1000


def test_only_url_is_an_encoding_type() -> None:
    assert url_encoded({"encoding-type": "url"})
    assert not url_encoded({})
    assert not url_encoded({"encoding-type": ""})
    with pytest.raises(InvalidArgument):
        url_encoded({"encoding-type": "base64"})
