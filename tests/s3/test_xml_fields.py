"""Reading the elements of a parsed document."""

from __future__ import annotations

import pytest

from z4tw.errors import MalformedXML
from z4tw.s3.xml_fields import children_of, number_of, text_of, texts_of
from z4tw.s3.xml_in import Node, parse_document


def root(inner: str) -> Node:
    return parse_document(f"<R>{inner}</R>".encode(), "R")


def test_texts_by_name() -> None:
    node = root("<A>1</A><B> x </B>")
    assert texts_of(node, {"A", "B", "C"}) == {"A": "1", "B": " x "}
    assert list(children_of(node, {"A", "B"})) == ["A", "B"]
    assert text_of(node.children[1]) == " x "


@pytest.mark.parametrize("inner", ["<A/><A/>", "<Z/>", "<A><B/></A>"])
def test_what_is_repeated_unknown_or_nested_is_malformed(inner: str) -> None:
    with pytest.raises(MalformedXML):
        texts_of(root(inner), {"A"})


def test_numbers() -> None:
    assert number_of(" 12 ") == 12
    assert number_of("0") == 0
    for text in ("", "-1", "1.5", "1e3", "\u0661", "1234567890", "+1", "x"):
        with pytest.raises(MalformedXML):
            number_of(text)
