"""Reading the elements of a parsed document: texts, single fields, numbers."""

from __future__ import annotations

from collections.abc import Collection

from z4tw.errors import MalformedXML
from z4tw.s3.xml_in import Node

_MAX_DIGITS = 9


def text_of(node: Node) -> str:
    """The text of an element that has no children. Raises ``MalformedXML``."""
    if node.children:
        raise MalformedXML()
    return node.text


def children_of(node: Node, allowed: Collection[str]) -> dict[str, Node]:
    """An element's children by name, each at most once. Raises ``MalformedXML``."""
    found: dict[str, Node] = {}
    for child in node.children:
        if child.name not in allowed or child.name in found:
            raise MalformedXML()
        found[child.name] = child
    return found


def texts_of(node: Node, allowed: Collection[str]) -> dict[str, str]:
    """The same for children that are texts."""
    return {name: text_of(child) for name, child in children_of(node, allowed).items()}


def number_of(text: str) -> int:
    """A whole number of at most nine digits, not negative. Raises ``MalformedXML``."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > _MAX_DIGITS:
        raise MalformedXML()
    return int(digits)
