"""Reads HTTP/1 requests from the bytes of one connection: bytes in, a head and body pieces out.

Sans-IO around llhttp (``httptools``) in its strict mode. A head is collected and bounded before
the parser sees a byte of it, and bytes beyond a message are never fed before the next one is
asked for, so that one message is in work at a time. Source: RFC 9112.

States of a message (``state``)::

    HEAD --head complete, body follows--> BODY --last byte--> DONE --begin_next--> HEAD
    HEAD --head complete, no body-------------------------->  DONE
"""

from __future__ import annotations

import re
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from z4tw import errors
from z4tw.errors import BadRequest, RequestHeaderSectionTooLarge, S3Error
from z4tw.web.limits import HttpLimits

HEAD = 0
BODY = 1
DONE = 2

_END = b"\r\n\r\n"
_MAX_BLANK_LINES = 4
# reg-name, IPv4 or bracketed IPv6, and a port: RFC 3986 section 3.2 without userinfo.
_HOST = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_KNOWN_HOSTS_MAX = 1024


def expectation_failed() -> S3Error:
    """The answer to an ``Expect`` that is not ``100-continue`` (RFC 9110 section 10.1.1)."""
    error = BadRequest("The expectation given in the Expect header cannot be met.")
    error.status = 417
    return error


class MessageReader:
    """One connection's requests, one after the other.

    After ``feed``: ``state`` says how far the message is; from BODY on ``method``, ``target``
    (origin form, or ``*``), ``headers`` (lower-case names; repeated fields joined with ``,``),
    ``content_length``, ``chunked``, ``keep_alive``, ``http11`` and ``expect`` (a client that
    waits for ``100 Continue``) describe it; ``pieces`` holds body bytes that have come and that
    the caller takes away. ``unread`` are bytes beyond the message.
    """

    __slots__ = (
        "_blank_lines", "_chunk_headers", "_complete", "_known_hosts", "_left",
        "_limits", "_parser", "_quiet", "_tail", "chunked", "content_length", "expect", "headers",
        "http11", "keep_alive", "method", "partial", "pieces", "state", "target", "unread",
    )  # fmt: skip

    def __init__(self, limits: HttpLimits, known_hosts: set[str]) -> None:
        """``known_hosts`` remembers valid Host values; shared between connections, bounded here."""
        self._limits = limits
        self._known_hosts = known_hosts
        self._parser: Any = HttpRequestParser(self)
        self.state = HEAD
        self.partial = b""
        self._blank_lines = 0
        self.unread = b""
        self.pieces: list[bytes] = []
        self.method = ""
        self.target = b""
        self.headers: dict[str, str] = {}
        self.content_length: int | None = None
        self.chunked = False
        self.keep_alive = False
        self.http11 = True
        self.expect = False
        self._complete = False
        self._left = 0
        self._tail = b""
        self._chunk_headers = 0
        self._quiet = 0

    # What llhttp calls.

    def on_body(self, data: bytes) -> None:
        """Body bytes, with chunked coding removed."""
        self.pieces.append(data)

    def on_chunk_header(self) -> None:
        """The size line of a chunk has ended."""
        self._chunk_headers += 1

    def on_message_complete(self) -> None:
        """The last byte of the message was read."""
        self._complete = True

    # What the channel calls.

    def feed(self, data: bytes) -> None:
        """Take in bytes as they came. Raises an ``S3Error`` for what is not a message that may
        be served; the connection cannot be used for another message then."""
        state = self.state
        if state == HEAD:
            self._feed_head(data)
        elif state == BODY:
            self._feed_body(data)
        else:
            self.unread += data

    def begin_next(self) -> None:
        """Forget the finished message and start on what came after it. Raises as ``feed``."""
        self.state = HEAD
        data = self.unread
        if data:
            self.unread = b""
            self._feed_head(data)

    def release(self) -> None:
        """Drop what is held when the connection is gone; nothing may be fed after it."""
        self._parser = None
        self.partial = self.unread = b""
        self.pieces = []

    @property
    def body_left(self) -> int | None:
        """Body bytes that have not come yet; None with chunked coding."""
        return None if self.chunked else self._left

    def _feed_head(self, data: bytes) -> None:
        searched = len(self.partial) - 3
        if self.partial:
            data = self.partial + data
        if data[:1] in (b"\r", b"\n"):
            data = self._skip_blank_lines(data)
        end = data.find(_END, searched) if searched > 0 else data.find(_END)
        limit = self._limits.max_head_bytes
        if end < 0:
            if len(data) > limit:
                raise RequestHeaderSectionTooLarge()
            self._check_partial(data)
            self.partial = data
            return
        end += 4
        if end > limit:
            raise RequestHeaderSectionTooLarge()
        self.partial = b""
        self._blank_lines = 0
        if end == len(data):
            self._parse_head(data)
            return
        self._parse_head(data[:end])
        if self.state == BODY:
            self._feed_body(data[end:])
        else:
            self.unread = data[end:]

    def _skip_blank_lines(self, data: bytes) -> bytes:
        """Empty lines before a request line are ignored (RFC 9112 section 2.2), a few of them."""
        start = 0
        while data.startswith(b"\r\n", start):
            start += 2
            self._blank_lines += 1
            if self._blank_lines > _MAX_BLANK_LINES:
                raise BadRequest("The request does not start with a request line.")
        rest = data[start:]
        if rest[:1] == b"\n" or (rest[:1] == b"\r" and len(rest) > 1):
            raise BadRequest("The request does not start with a request line.")
        return rest

    @staticmethod
    def _check_partial(data: bytes) -> None:
        """Refuse at once what can never become a head, instead of waiting for the deadline."""
        first = data[:1]
        if first and first != b"\r" and not (first.isalpha() and first.isupper()):
            raise BadRequest("The request does not start with a request line.")
        if data.count(b"\n") != data.count(b"\r\n"):
            raise BadRequest("A line of the request head does not end with CRLF.")

    def _parse_head(self, head: bytes) -> None:
        if head.count(b"\r\n") - 2 > self._limits.max_headers:
            raise RequestHeaderSectionTooLarge("The request has too many header fields.")
        self._complete = False
        self._parse(head)
        # llhttp has judged every byte: no folded line, no bare CR or LF, names that are tokens.
        # Splitting the lines here costs less than half of its callbacks.
        lines = head.decode("latin-1").split("\r\n")
        start = lines[0].split(" ")
        if len(start) != 3 or start[2] not in ("HTTP/1.1", "HTTP/1.0"):
            raise BadRequest("Only HTTP/1.1 and HTTP/1.0 are supported.")
        self.http11 = start[2] == "HTTP/1.1"
        self.method = start[0]
        self.target = start[1].encode("latin-1")
        headers: dict[str, str] = {}
        for line in lines[1:-2]:
            name, _, value = line.partition(":")
            name = name.lower()
            if name in headers:
                if name == "host":
                    raise BadRequest("The request has more than one Host header.")
                headers[name] += "," + value.strip(" \t")
            else:
                headers[name] = value.strip(" \t")
        self.headers = headers
        if self.target[:1] != b"/":
            self._rewrite_target(self.target, headers)
        if b"#" in self.target:
            raise BadRequest("The request target has a fragment.")
        host = headers.get("host")
        if host is None:
            if self.http11:
                raise BadRequest("The request has no Host header.")
        elif host not in self._known_hosts:
            self._check_host(host)
        if "upgrade" in headers:
            raise BadRequest("Protocol upgrades are not supported.")
        connection = headers.get("connection")
        self.keep_alive = self.http11 if connection is None else self._stays_open(connection)
        self.content_length = 0
        self.chunked = False
        self.expect = False
        if self._complete:
            self.state = DONE
            if "expect" in headers:
                self._read_expect(headers)
            return
        self._read_framing(headers)

    def _stays_open(self, connection: str) -> bool:
        """What the options of a Connection field say (RFC 9112 section 9.3)."""
        options = {option.strip() for option in connection.lower().split(",")}
        return "close" not in options and (self.http11 or "keep-alive" in options)

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            raise BadRequest("CONNECT and protocol upgrades are not supported.") from None
        except HttpParserError as error:
            raise BadRequest(f"The request is not valid HTTP: {error}.") from None

    def _read_expect(self, headers: dict[str, str]) -> None:
        if headers["expect"].lower() != "100-continue":
            raise expectation_failed()
        self.expect = self.http11

    def _read_framing(self, headers: dict[str, str]) -> None:
        """How the body ends. llhttp has refused repeated and malformed lengths, and a length
        beside a transfer coding; RFC 9112 section 6."""
        coding = headers.get("transfer-encoding")
        if coding is not None:
            if coding.lower() != "chunked":
                raise errors.NotImplemented("Of the transfer codings only chunked is supported.")
            if not self.http11:
                raise BadRequest("HTTP/1.0 has no transfer codings.")
            self.chunked = True
            self.content_length = None
            self._tail = b""
            self._quiet = 0
        else:
            length = headers.get("content-length", "")
            if not (length.isascii() and length.isdigit()):
                raise BadRequest("The Content-Length is not a number.")
            self._left = self.content_length = int(length)
            # Counting is all that such a body needs: the parser would copy it. It still waits
            # for the body, so that the next message gets one of its own (0.2 µs).
            self._parser = HttpRequestParser(self)
        if "expect" in headers:
            self._read_expect(headers)
        self.state = BODY

    def _rewrite_target(self, target: bytes, headers: dict[str, str]) -> None:
        """Absolute form becomes origin form and its authority the Host (RFC 9112 section 3.2.2)."""
        if target == b"*" and self.method == "OPTIONS":
            return
        scheme, separator, rest = target.partition(b"://")
        if not separator or scheme.lower() not in (b"http", b"https"):
            raise BadRequest("The request target has no supported form.")
        if "host" not in headers and self.http11:
            raise BadRequest("The request has no Host header.")
        end = len(rest)
        for mark in (b"/", b"?", b"#"):
            at = rest.find(mark)
            if 0 <= at < end:
                end = at
        authority = rest[:end].decode("latin-1")
        if not authority or "@" in authority:
            raise BadRequest("The request target has no supported form.")
        path = rest[end:]
        self.target = path if path[:1] == b"/" else b"/" + path
        headers["host"] = authority

    def _check_host(self, host: str) -> None:
        if _HOST.fullmatch(host) is None:
            raise BadRequest("The Host header is not valid.")
        if len(self._known_hosts) >= _KNOWN_HOSTS_MAX:
            self._known_hosts.clear()
        self._known_hosts.add(host)

    def _feed_body(self, data: bytes) -> None:
        if self.chunked:
            self._feed_chunks(data)
            return
        if len(data) > self._left:
            self.unread = data[self._left :]
            data = data[: self._left]
        self._left -= len(data)
        self.pieces.append(data)
        if not self._left:
            self.state = DONE

    def _feed_chunks(self, data: bytes) -> None:
        """A chunked message ends with an empty line: the parser gets no byte beyond one before it
        has said whether the message ended there."""
        start = 0
        size = len(data)
        while start < size:
            stop = self._empty_line(data, start)
            piece = data[start:stop]
            events = self._chunk_headers + len(self.pieces)
            self._parse(piece)
            self._tail = (self._tail + piece)[-3:]
            start = stop
            if self._complete:
                self.state = DONE
                self.unread = data[start:]
                return
            if self._chunk_headers + len(self.pieces) != events:
                self._quiet = 0
                continue
            # Neither a chunk nor data: an extension or the trailer section grows.
            self._quiet += len(piece)
            if self._quiet > self._limits.max_head_bytes:
                raise RequestHeaderSectionTooLarge("A chunk line or trailer section is too large.")

    def _empty_line(self, data: bytes, start: int) -> int:
        """Where the next empty line ends, of which up to 3 bytes may have been fed, or the end."""
        tail = self._tail
        if tail:
            at = (tail + data[start : start + 3]).find(_END)
            if at >= 0:
                return start + at + 4 - len(tail)
        at = data.find(_END, start)
        return at + 4 if at >= 0 else len(data)
