"""What a person has of a request whose signature did not match, read from text: a raw request head
or ``curl -v`` output, botocore's debug log, the error document of the server.
"""

from __future__ import annotations

import re
from html import unescape

import msgspec

from z4tw.sigv4.canonical import canonical_value

_REQUEST_LINE = re.compile(r"(?:> ?)?([A-Z]{3,7}) (/\S*) HTTP/1\.[01]")
_HEADER = re.compile(r"(?:> ?)?([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)")
_LOGGED = re.compile(r"(?:^|.* - )CanonicalRequest:$")
_LOGGED_TEXT = re.compile(r"(?:^|.* - )StringToSign:$")
_PARTS = ("method", "path", "query")


class SignedTexts(msgspec.Struct, frozen=True):
    """What one side signed."""

    canonical_request: str
    string_to_sign: str


class RawHead(msgspec.Struct, frozen=True):
    """A request head as it was sent; header names are lower-case."""

    method: str
    target: str
    headers: dict[str, str]


class Dump(msgspec.Struct, frozen=True):
    """What was found in a text."""

    head: RawHead | None
    client: SignedTexts | None
    server: SignedTexts | None


class Difference(msgspec.Struct, frozen=True):
    """The first line in which two texts differ: its number from 1, what the line is, and both."""

    line: int
    part: str
    client: str
    server: str


def read_dump(text: str) -> Dump:
    """Everything in a text that says what was sent or signed; of several the last."""
    lines = text.splitlines()
    return Dump(_head(lines), _client(lines), _server(text))


def _head(lines: list[str]) -> RawHead | None:
    found: RawHead | None = None
    for number, line in enumerate(lines):
        match = _REQUEST_LINE.fullmatch(line)
        if match is None:
            continue
        headers: dict[str, str] = {}
        for following in lines[number + 1 :]:
            field = _HEADER.fullmatch(following)
            if field is None:
                break
            name, value = field[1].lower(), field[2].strip()
            headers[name] = f"{headers[name]},{value}" if name in headers else value
        found = RawHead(match[1], match[2], headers)
    return found


def _client(lines: list[str]) -> SignedTexts | None:
    found: SignedTexts | None = None
    start: int | None = None
    for number, line in enumerate(lines):
        if _LOGGED.fullmatch(line):
            start = number + 1
        elif start is not None and _LOGGED_TEXT.fullmatch(line):
            request = "\n".join(lines[start:number])
            found = SignedTexts(request, "\n".join(lines[number + 1 : number + 5]))
            start = None
    return found


def _server(text: str) -> SignedTexts | None:
    request = _element(text, "CanonicalRequest")
    signed = _element(text, "StringToSign")
    return None if request is None or signed is None else SignedTexts(request, signed)


def _element(text: str, name: str) -> str | None:
    end = text.rfind(f"</{name}>")
    start = text.rfind(f"<{name}>", 0, max(end, 0))
    if end < 0 or start < 0:
        return None
    inner = text[start + len(name) + 2 : end]
    if "\n" not in inner:  # from a log that shows bytes as Python writes them
        inner = inner.replace("\\n", "\n").replace("\\'", "'")
    return unescape(inner)


def first_difference(client: SignedTexts, server: SignedTexts) -> Difference | None:
    """Where the two sides part: in the canonical request, or else in the string to sign; None
    when both signed the same text."""
    ours = server.canonical_request.split("\n")
    theirs = client.canonical_request.split("\n")
    if ours != theirs:
        number = _first(theirs, ours)
        return _difference(number, _part(number, ours, theirs), theirs, ours)
    ours, theirs = server.string_to_sign.split("\n"), client.string_to_sign.split("\n")
    if ours != theirs:
        number = _first(theirs, ours)
        names = ("algorithm", "date", "credential scope")
        return _difference(number, names[number] if number < 3 else "hash", theirs, ours)
    return None


def _first(one: list[str], other: list[str]) -> int:
    for number, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return number
    return min(len(one), len(other))


def _difference(number: int, part: str, theirs: list[str], ours: list[str]) -> Difference:
    return Difference(
        number + 1,
        part,
        theirs[number] if number < len(theirs) else "",
        ours[number] if number < len(ours) else "",
    )


def _part(number: int, ours: list[str], theirs: list[str]) -> str:
    """What a line of a canonical request is."""
    if number < 3:
        return _PARTS[number]
    if number >= len(ours) - 1 and number >= len(theirs) - 1:
        return "payload hash"
    line = ours[number] if number < len(ours) else theirs[number]
    name, colon, _ = line.partition(":")
    if colon and canonical_value(name) == name:
        return f"header {name}"
    return "signed headers"
