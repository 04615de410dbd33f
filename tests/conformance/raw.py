"""A small HTTP/1.1 client on a raw socket, and a SigV4 signer that can sign wrongly on purpose.

Written from AWS's pages with plain ``hmac``; nothing of the server's own code is used, so that the
two cannot share a mistake.
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from __future__ import annotations

import base64
import hmac
import re
import socket
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any
from urllib.parse import quote, unquote_to_bytes
from xml.etree import ElementTree

REGION = "us-east-1"
EMPTY_SHA256 = sha256(b"").hexdigest()
TIMEOUT_S = 20.0

LITERAL = "literal"
UNSIGNED = "UNSIGNED-PAYLOAD"
SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
MODES = (LITERAL, UNSIGNED, SIGNED_CHUNKS, SIGNED_TRAILER, UNSIGNED_TRAILER)
"""All payload modes of ``x-amz-content-sha256``."""
STREAMING = (SIGNED_CHUNKS, SIGNED_TRAILER, UNSIGNED_TRAILER)
CHUNK_BYTES = 8192
"""The least size of a chunk that is not the last one."""


@dataclass(frozen=True)
class Secret:
    """An access key as the signer needs it."""

    access_key_id: str
    secret_access_key: str


@dataclass(frozen=True)
class Request:
    """A request as it goes over the wire: ``path`` and ``query`` are percent-encoded already."""

    method: str = "GET"
    path: str = "/"
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path

    def with_headers(self, **headers: str) -> Request:
        """With more headers; ``_`` in a name stands for ``-``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **named})

    def head(self) -> bytes:
        """The head with its empty line. A Content-Length is added where there is a body."""
        headers = dict(self.headers)
        names = {name.lower() for name in headers}
        sized = names & {"content-length", "transfer-encoding"}
        if not sized and (self.body or self.method in ("PUT", "POST")):
            headers["Content-Length"] = str(len(self.body))
        lines = [f"{self.method} {self.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def wire(self) -> bytes:
        """Head and body."""
        return self.head() + self.body


@dataclass(frozen=True)
class Reply:
    """A response; ``interim`` are the statuses of the 1xx responses before it."""

    status: int
    headers: dict[str, str]
    body: bytes
    interim: tuple[int, ...] = ()

    @property
    def closes(self) -> bool:
        return self.headers.get("connection", "").lower() == "close"

    def field(self, name: str) -> str:
        """The text of the first element of this name in the body, empty when there is none."""
        if not self.body:
            return ""
        for element in ElementTree.fromstring(self.body).iter():
            if element.tag.rpartition("}")[2] == name:
                return element.text or ""
        return ""

    def fields(self, name: str) -> list[str]:
        """The texts of all elements of this name."""
        if not self.body:
            return []
        found = ElementTree.fromstring(self.body).iter()
        return [item.text or "" for item in found if item.tag.rpartition("}")[2] == name]

    @property
    def code(self) -> str:
        """The S3 error code, empty without a body."""
        return self.field("Code")


class Closed(Exception):
    """The server closed the connection where a response was expected."""


class Wire:
    """One connection to a server on loopback."""

    def __init__(self, port: int, timeout_s: float = TIMEOUT_S) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = b""

    @property
    def local_port(self) -> int:
        """This side's port, which tells connections apart on the server."""
        return int(self.socket.getsockname()[1])

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self.socket.sendall(data)

    def send_what_it_takes(self, data: bytes) -> None:
        """Send until the server does not want any more."""
        try:
            self.socket.sendall(data)
        except (ConnectionError, TimeoutError):
            return

    def ask(self, request: Request | bytes, method: str = "") -> Reply:
        """Send a request and read its response."""
        if isinstance(request, Request):
            self.send(request.wire())
            return self.reply(request.method)
        self.send(request)
        return self.reply(method or request.split(b" ", 1)[0].decode("latin-1"))

    def reply(self, method: str = "GET") -> Reply:
        """The next final response. Raises ``Closed`` when there is none."""
        interim: list[int] = []
        while True:
            status, headers = self.head()
            if status >= 200:
                break
            interim.append(status)
        body = b""
        if method != "HEAD" and status not in (204, 304):
            if "content-length" in headers:
                body = self._exactly(int(headers["content-length"]))
            else:
                body = self.rest()
        return Reply(status, headers, body, tuple(interim))

    def head(self) -> tuple[int, dict[str, str]]:
        """The status and headers of the next response, an interim one too."""
        while b"\r\n\r\n" not in self._unread:
            self._more()
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        start, *lines = head.decode("latin-1").split("\r\n")
        version, status, _ = start.split(" ", 2)
        assert version == "HTTP/1.1", start
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            assert colon, line
            assert name.lower() not in headers, f"{name} comes twice"
            headers[name.lower()] = value.strip()
        return int(status), headers

    def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        pieces = [self._unread]
        self._unread = b""
        try:
            while data := self.socket.recv(65536):
                pieces.append(data)
        except ConnectionResetError:
            pass
        return b"".join(pieces)

    def ended(self) -> bool:
        """Whether the server closes the connection without sending anything more."""
        return self.rest() == b""

    def _exactly(self, size: int) -> bytes:
        while len(self._unread) < size:
            self._more()
        data, self._unread = self._unread[:size], self._unread[size:]
        return data

    def _more(self) -> None:
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Closed(self._unread[:200])
        self._unread += data

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


@dataclass(frozen=True)
class Signed:
    """A signed request, and what its chunk signatures build on."""

    request: Request
    signature: str
    key: bytes
    scope: str
    amz_date: str

    def chain(self, algorithm: str, previous: str, rest: str) -> str:
        """The next signature of the chain of chunks."""
        text = f"{algorithm}\n{self.amz_date}\n{self.scope}\n{previous}\n{rest}"
        return hmac.new(self.key, text.encode(), "sha256").hexdigest()


@dataclass(frozen=True)
class Signer:
    """Signs requests for a server. ``offset_s`` is how far its clock is ahead."""

    key: Any
    host: str
    region: str = REGION
    service: str = "s3"
    offset_s: float = 0.0
    token: str = ""

    def _dated(self) -> tuple[str, str, bytes]:
        now = time.gmtime(time.time() + self.offset_s)
        amz_date = time.strftime("%Y%m%dT%H%M%SZ", now)
        key = b"AWS4" + self.key.secret_access_key.encode()
        for part in (amz_date[:8], self.region, self.service, "aws4_request"):
            key = hmac.new(key, part.encode(), "sha256").digest()
        return amz_date, f"{amz_date[:8]}/{self.region}/{self.service}/aws4_request", key

    def sign(
        self,
        request: Request,
        payload: str | None = None,
        *,
        as_if: Request | None = None,
        omit: Sequence[str] = (),
    ) -> Signed:
        """Sign in the Authorization header. ``payload`` is the x-amz-content-sha256 value (default:
        the body's SHA-256); ``as_if`` is the request that is signed in place of the one that is
        sent; ``omit`` are headers that are sent but not signed."""
        amz_date, scope, key = self._dated()
        value = sha256(request.body).hexdigest() if payload is None else payload
        more = {"Host": self.host, "x-amz-date": amz_date, "x-amz-content-sha256": value}
        if self.token:
            more["x-amz-security-token"] = self.token
        request = replace(request, headers={**more, **request.headers})
        other = request if as_if is None else replace(as_if, headers={**more, **as_if.headers})
        names = _signed_names(other.headers, omit)
        signature = self._signature(other, names, value, amz_date, scope, key)
        authorization = (
            f"AWS4-HMAC-SHA256 Credential={self.key.access_key_id}/{scope}, "
            f"SignedHeaders={';'.join(names)}, Signature={signature}"
        )
        request = replace(request, headers={**request.headers, "Authorization": authorization})
        return Signed(request, signature, key, scope, amz_date)

    def presign(
        self,
        request: Request,
        payload: str | None = None,
        *,
        as_if: Request | None = None,
        omit: Sequence[str] = (),
        expires_s: int | str = 300,
    ) -> Signed:
        """Sign in the query; ``payload`` (default: none is given, so UNSIGNED-PAYLOAD) is sent in
        a signed x-amz-content-sha256 header."""
        amz_date, scope, key = self._dated()
        more = {"Host": self.host}
        if payload is not None:
            more["x-amz-content-sha256"] = payload
        request = replace(request, headers={**more, **request.headers})
        other = request if as_if is None else replace(as_if, headers={**more, **as_if.headers})
        names = _signed_names(other.headers, omit)
        parameters = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{self.key.access_key_id}/{scope}",
            "X-Amz-Date": amz_date,
            "X-Amz-Expires": str(expires_s),
            "X-Amz-SignedHeaders": ";".join(names),
        }
        if self.token:
            parameters["X-Amz-Security-Token"] = self.token
        added = "&".join(f"{name}={quote(text, safe='')}" for name, text in parameters.items())
        other = replace(other, query=_joined(other.query, added))
        signature = self._signature(other, names, payload or UNSIGNED, amz_date, scope, key)
        query = _joined(request.query, added, f"X-Amz-Signature={signature}")
        return Signed(replace(request, query=query), signature, key, scope, amz_date)

    @staticmethod
    def _signature(
        request: Request, names: Sequence[str], payload: str, amz_date: str, scope: str, key: bytes
    ) -> str:
        headers = {name.lower(): value for name, value in request.headers.items()}
        lines = "".join(f"{name}:{_trimmed(headers[name])}\n" for name in names)
        canonical = "\n".join(
            (
                request.method,
                quote(unquote_to_bytes(request.path), safe="/~"),
                _canonical_query(request.query),
                lines,
                ";".join(names),
                payload,
            )
        ).encode("latin-1")
        text = f"AWS4-HMAC-SHA256\n{amz_date}\n{scope}\n{sha256(canonical).hexdigest()}"
        return hmac.new(key, text.encode(), "sha256").hexdigest()


def _trimmed(value: str) -> str:
    """A header value with one space for each run of them, and none around it."""
    return re.sub(" +", " ", value).strip(" ")


def _signed_names(headers: dict[str, str], omit: Sequence[str]) -> list[str]:
    left_out = {name.lower() for name in omit} | {
        "authorization",
        "connection",
        "content-length",
        "expect",
        "transfer-encoding",
        "user-agent",
    }
    return sorted({name.lower() for name in headers} - left_out)


def _canonical_query(query: str) -> str:
    pairs = []
    for item in query.split("&") if query else ():
        name, _, value = item.partition("=")
        pairs.append(
            tuple(
                quote(unquote_to_bytes(text.replace("+", " ")), safe="~") for text in (name, value)
            )
        )
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _joined(*queries: str) -> str:
    return "&".join(query for query in queries if query)


def crc32_base64(data: bytes) -> str:
    """The value of x-amz-checksum-crc32."""
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def framed(
    signed: Signed | None,
    mode: str,
    chunks: Sequence[bytes],
    trailers: dict[str, str] | None,
    *,
    bad: str = "",
) -> bytes:
    """A body in aws-chunked framing. ``signed`` is needed for signed chunks only. ``bad`` spoils
    one thing after it was signed: ``chunk`` (a byte of data), ``chunk-signature``, ``last`` (the
    last chunk's signature), ``trailer`` (its value), ``trailer-signature``."""
    out: list[bytes] = []
    previous = "" if signed is None else signed.signature
    every = [*chunks, b""]
    for number, chunk in enumerate(every):
        sent = chunk
        if bad == "chunk" and number == 0:
            sent = bytes([chunk[0] ^ 1]) + chunk[1:]
        line = f"{len(chunk):x}"
        if mode in (SIGNED_CHUNKS, SIGNED_TRAILER):
            assert signed is not None
            previous = signed.chain(
                "AWS4-HMAC-SHA256-PAYLOAD",
                previous,
                f"{EMPTY_SHA256}\n{sha256(chunk).hexdigest()}",
            )
            shown = previous
            if (bad == "chunk-signature" and number == 0) or (bad == "last" and not chunk):
                shown = _other_hex(previous)
            line += f";chunk-signature={shown}"
        out.append(line.encode() + b"\r\n")
        if chunk:
            out.append(sent + b"\r\n")
    if mode != SIGNED_CHUNKS:
        out.append(_trailer_lines(signed, mode, previous, trailers or {}, bad))
    out.append(b"\r\n")
    return b"".join(out)


def _trailer_lines(
    signed: Signed | None, mode: str, previous: str, trailers: dict[str, str], bad: str
) -> bytes:
    text = "".join(f"{name}:{value}\n" for name, value in trailers.items())
    sent = {name: crc32_base64(b"another") for name in trailers} if bad == "trailer" else trailers
    lines = "".join(f"{name}:{value}\r\n" for name, value in sent.items())
    if mode == SIGNED_TRAILER:
        assert signed is not None
        signature = signed.chain(
            "AWS4-HMAC-SHA256-TRAILER", previous, sha256(text.encode()).hexdigest()
        )
        if bad == "trailer-signature":
            signature = _other_hex(signature)
        lines += f"x-amz-trailer-signature:{signature}\r\n"
    return lines.encode()


def _other_hex(signature: str) -> str:
    return ("1" if signature[0] == "0" else "0") + signature[1:]


def in_mode(
    signer: Signer,
    request: Request,
    mode: str,
    *,
    query: bool = False,
    trailers: dict[str, str] | None = None,
    chunks: Sequence[bytes] | None = None,
    bad: str = "",
    as_if: Request | None = None,
    omit: Sequence[str] = (),
    declared_length: int | None = None,
) -> Request:
    """A request signed in the header or (``query``) as a presigned URL, with its body in a payload
    mode. Trailers default to a right CRC-32. ``as_if`` must differ in head fields only: the
    headers of the mode are added to it too. ``bad`` as for ``framed``."""
    added: dict[str, str] = {}
    streaming = mode in STREAMING
    body = request.body
    if streaming:
        size = len(body) if declared_length is None else declared_length
        added["x-amz-decoded-content-length"] = str(size)
        encoding = request.headers.get("Content-Encoding")
        added["Content-Encoding"] = f"{encoding},aws-chunked" if encoding else "aws-chunked"
        if mode != SIGNED_CHUNKS:
            if trailers is None:
                trailers = {"x-amz-checksum-crc32": crc32_base64(body)}
            if trailers:
                added["x-amz-trailer"] = ",".join(trailers)
        if chunks is None:
            chunks = [body[at : at + CHUNK_BYTES] for at in range(0, len(body), CHUNK_BYTES)]
    payload = sha256(body).hexdigest() if mode == LITERAL else mode
    sent = replace(request, headers={**request.headers, **added})
    other = None if as_if is None else replace(as_if, headers={**as_if.headers, **added})
    make = signer.presign if query else signer.sign
    signed = make(sent, payload, as_if=other, omit=omit)
    if streaming:
        assert chunks is not None
        return replace(signed.request, body=framed(signed, mode, chunks, trailers, bad=bad))
    return signed.request
