"""What a person has of a request whose signature did not match, read from text: a raw request head
or ``curl -v`` output, botocore's debug log, the error document of the server.

``literal_eval`` reads literals only: what a log holds is never run.
"""

from __future__ import annotations

import re
from ast import literal_eval
from html import unescape

import msgspec

from z4tw.errors import S3Error
from z4tw.interfaces.http import RequestHead
from z4tw.sigv4.canonical import canonical_request, canonical_value
from z4tw.sigv4.claim import parse_claim
from z4tw.sigv4.verify import string_to_sign

_REQUEST_LINE = re.compile(r"(?:> ?)?([A-Z]{3,7}) (/\S*) HTTP/1\.[01]")
_HEADER = re.compile(r"(?:> ?)?([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)")
_LOGGED = re.compile(r"(?:^|.* - )CanonicalRequest:$")
_LOGGED_TEXT = re.compile(r"(?:^|.* - )StringToSign:$")
_SENT = re.compile(
    r".*Sending http request: <AWSPreparedRequest .*?method=([A-Z]{3,7}), "
    r"url=https?://([^/?, ]+)([/?][^ ]*)?, headers=(\{.*\})>"
)
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
    """What was found in a text. ``logged``: the client's texts are those that it logged, not what
    it must have signed if it signed what it sent."""

    head: RawHead | None = None
    client: SignedTexts | None = None
    server: SignedTexts | None = None
    logged: bool = False


class Difference(msgspec.Struct, frozen=True):
    """The first line in which two texts differ: its number from 1, what the line is, and both."""

    line: int
    part: str
    client: str
    server: str


def read_dump(text: str) -> Dump:
    """Everything in a text that says what was sent or signed; of several the last. A client that
    does not log what it signed has signed what it sent."""
    lines = text.splitlines()
    head = _head(lines) or _logged_head(lines)
    client = _client(lines)
    if client is not None:
        return Dump(head, client, _server(text), logged=True)
    return Dump(head, None if head is None else signed_texts(head), _server(text))


def signed_texts(head: RawHead) -> SignedTexts | None:
    """What a head's signer signed, if it took the head as it is; None when it is not signed."""
    target = head.target.encode("latin-1", "replace")
    request = RequestHead(head.method, target, head.headers, 0, False, "", False, 0.0, "")
    try:
        claim = parse_claim(request)
    except S3Error:
        return None
    if claim is None:
        return None
    canonical = canonical_request(
        head.method, target, head.headers, claim.signed_headers, claim.payload_hash, claim.presigned
    )
    scope = f"{claim.date}/{claim.region}/{claim.service}/aws4_request"
    signed = string_to_sign(claim.amz_date, scope, canonical)
    return SignedTexts(canonical.decode("latin-1"), signed)


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


def _logged_head(lines: list[str]) -> RawHead | None:
    """The request that botocore logs as Python writes it."""
    for line in reversed(lines):
        match = _SENT.fullmatch(line)
        if match is None:
            continue
        try:
            written = literal_eval(match[4])
            headers = {str(name).lower(): _text(value) for name, value in written.items()}
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
        target = match[3] or "/"
        target = target if target.startswith("/") else f"/{target}"
        return RawHead(match[1], target, {"host": match[2], **headers})
    return None


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


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
