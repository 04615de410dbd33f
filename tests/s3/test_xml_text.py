"""Escaping and URL encoding of text in documents."""

from __future__ import annotations

from urllib.parse import unquote
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from z4tw.s3.xml_text import (
    boolean,
    document,
    element,
    encoded_keys,
    escape,
    optional,
    readable,
    url_encode,
)

TEXT = st.text(max_size=30)
XML_TEXT = st.text(
    st.characters(min_codepoint=32, exclude_categories=("Cs",), exclude_characters="\ufffe\uffff")
    | st.sampled_from("\t\n\r&<>\"']"),
    max_size=30,
)


@given(XML_TEXT)
def test_a_parser_reads_what_was_escaped(text: str) -> None:
    parsed = ElementTree.fromstring(document("Root", element("Key", text)))
    assert (parsed[0].text or "") == text


@given(st.text(max_size=30))
def test_no_text_can_end_its_element_or_break_the_encoding(text: str) -> None:
    escaped = escape(text)
    assert not set('<>"\r\x00\x1b\ufffe') & set(escaped)
    assert escaped.replace("&amp;", "").count("&") == sum(escaped.count(e) for e in (
        "&lt;", "&gt;", "&quot;", "&#x"))  # fmt: skip


def test_control_characters_are_numeric_references() -> None:
    assert escape("a\x01b\x00\x1f\ufffe") == "a&#x1;b&#x0;&#x1f;&#xfffe;"
    assert escape("\ud800") == "&#xd800;"


@given(st.text(max_size=30))
def test_readable_text_is_always_well_formed(text: str) -> None:
    shown = readable(text)
    parsed = ElementTree.fromstring(document("Root", element("Key", shown)))
    assert (parsed[0].text or "") == shown
    assert len(shown) == len(text)
    assert all(one in (other, "\ufffd") for one, other in zip(shown, text, strict=True))


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=30))
def test_url_encoded_text_comes_back(text: str) -> None:
    encoded = url_encode(text)
    assert unquote(encoded) == text
    assert encoded.isascii()
    assert escape(encoded) == encoded


def test_url_encoding_keeps_slashes_and_encodes_spaces_for_all_decoders() -> None:
    assert url_encode("a b+c/d~e") == "a%20b%2Bc/d~e"


KEYS = st.lists(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8))


@given(KEYS, st.booleans())
def test_keys_together_are_as_keys_alone(keys: list[str], url: bool) -> None:
    raw = [key.encode() for key in keys]
    assert encoded_keys(raw, url) == [url_encode(key) if url else escape(key) for key in keys]


def test_a_key_with_a_newline_stays_one_key() -> None:
    assert encoded_keys([b"a\nb", b"c"], False) == ["a\nb", "c"]
    assert encoded_keys([b"a\nb", b"c"], True) == ["a%0Ab", "c"]
    assert encoded_keys([b"", b"c"], True) == ["", "c"]


def test_small_pieces() -> None:
    assert optional("A", "") == ""
    assert optional("A", "<") == "<A>&lt;</A>"
    assert (boolean(True), boolean(False)) == ("true", "false")
