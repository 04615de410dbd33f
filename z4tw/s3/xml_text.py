"""Text inside S3's XML documents: escaping, and encoding-type=url.

Characters that XML 1.0 cannot carry are written as numeric references all the same, as AWS does;
clients that may meet them ask for ``encoding-type=url``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote, quote_from_bytes

PROLOG = '<?xml version="1.0" encoding="UTF-8"?>\n'
NAMESPACE = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'

_SPECIAL = re.compile('[&<>"\x00-\x08\x0b-\x1f\x7f\ufffe\uffff\ud800-\udfff]')
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
_URL_SAFE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~/"


def escape(text: str) -> str:
    """Text for the content of an element."""
    return _SPECIAL.sub(_reference, text) if _SPECIAL.search(text) else text


def readable(text: str) -> str:
    """Text with U+FFFD in place of every character that XML 1.0 cannot carry."""
    return _NO_XML.sub("\ufffd", text)


def url_encode(text: str) -> str:
    """Text percent-encoded as ``encoding-type=url`` wants it; ``/`` stays."""
    return quote(text, safe="/")


def element(name: str, text: str) -> str:
    """One element with escaped content."""
    return f"<{name}>{escape(text)}</{name}>"


def optional(name: str, text: str) -> str:
    """One element with escaped content, nothing for empty text."""
    return f"<{name}>{escape(text)}</{name}>" if text else ""


def boolean(value: bool) -> str:
    """XML's spelling of a truth value."""
    return "true" if value else "false"


def document(root: str, *pieces: str) -> bytes:
    """A whole document in S3's namespace from finished pieces of XML."""
    return f"{PROLOG}<{root}{NAMESPACE}>{''.join(pieces)}</{root}>".encode()


def encoded_keys(keys: Sequence[bytes], url: bool) -> list[str]:
    """Keys (UTF-8) ready for the content of elements, URL-encoded or escaped.

    All are looked at together first, since most pages have nothing to encode.
    """
    if not keys:
        return []
    joined = b"\n".join(keys)
    if joined.count(b"\n") == len(keys) - 1:
        if url:
            if not joined.translate(None, _URL_SAFE + b"\n"):
                return joined.decode("ascii").split("\n")
        else:
            return escape(joined.decode("utf-8")).split("\n")
    if url:
        return [quote_from_bytes(key, safe="/") for key in keys]
    return [escape(key.decode("utf-8")) for key in keys]


def _reference(match: re.Match[str]) -> str:
    char = match.group()
    return _NAMED.get(char) or f"&#x{ord(char):x};"
