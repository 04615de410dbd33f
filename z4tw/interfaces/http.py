"""What passes between the HTTP channel and the S3 operations."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import msgspec
from zope.interface import Attribute, Interface

from z4tw.model.control import Bucket


class RequestHead(msgspec.Struct, frozen=True):
    """A request whose header section is complete and whose body is unread.

    ``target`` is the raw request target as sent (origin form: path, and ``?query`` if any).
    ``headers`` maps lower-case names to values; repeated fields are joined with ``,`` in order
    (RFC 9110 section 5.2); bytes beyond ASCII are decoded as Latin-1, as HTTP does.
    ``header_names`` is unneeded: iteration order is the order of first appearance.
    ``content_length`` is None with chunked coding; ``peer`` is the client's IP address.
    ``now`` is the Unix time in seconds when the head was complete; ``request_id`` 16 hex digits.
    """

    method: str
    target: bytes
    headers: dict[str, str]
    content_length: int | None
    chunked: bool
    peer: str
    secure: bool
    now: float
    request_id: str


class IRequestBody(Interface):
    """The body of a request, read at the reader's pace.

    ``100 Continue`` is sent by the first ``read`` and only then, so an operation that refuses a
    request before reading lets the client keep its bytes.
    """

    def read() -> Awaitable[bytes]:
        """*async* The next bytes as they came (1 byte to some 100 KiB), ``b""`` at the end.

        The transport is paused while more than a high-water mark lies unread. Raises
        ``ClientDisconnected`` when the connection ends before the body does, and
        ``RequestTimeout`` when the body comes slower than the least rate."""

    def take_all() -> bytes | None:
        """The whole body if it has arrived already and none was read, else None; never waits."""


class IBodySource(Interface):
    """A response body that is produced piece by piece, with read-ahead of its own."""

    size = Attribute("The exact number of bytes that will come, as int.")

    def next() -> Awaitable[bytes]:
        """*async* The next verified bytes (bytes-like), ``b""`` at the end.

        Raises ``CorruptBlob`` or ``OSError``: the response is then cut off, never completed."""

    def close() -> None:
        """Release what the source holds; safe to call twice and before the end."""


class S3Response(msgspec.Struct):
    """The answer of an operation.

    ``headers`` are (name, value) pairs as text, written in their order; the responder adds Date,
    Server, x-amz-request-id, x-amz-id-2, Content-Length and Connection. ``body`` is bytes or an
    ``IBodySource``. For HEAD, ``content_length`` states the length of the body that is not sent.
    """

    status: int
    headers: list[tuple[str, str]] = []
    body: Any = b""
    content_length: int | None = None


class Exchange(msgspec.Struct):
    """One request on its way through the server: the responder makes it, the operations fill in
    what the access log and the metrics say of it.

    ``logged`` is the bucket, when it has an access log of its own; ``object_size`` is the whole
    size of the object that was read or written, -1 when there is none. ``headers`` are further
    headers of its answer, whichever that will be, errors included; ``form`` is the form that
    a PostObject came with; ``denied`` is why access was denied: for the server's operator, never
    for the client.
    """

    head: RequestHead
    body: Any  # IRequestBody
    operation: str = ""
    bucket: str = ""
    key: str = ""
    version_id: str = ""
    requester: str = ""
    access_key_id: str = ""
    error_code: str = ""
    logged: Bucket | None = None
    object_size: int = -1
    headers: tuple[tuple[str, str], ...] = ()
    form: Any = None  # z4tw.ops.forms.Form
    denied: str = ""


class IS3Service(Interface):
    """The S3 operations: everything between a request's head and its response."""

    def respond(exchange: Exchange) -> Awaitable[S3Response]:
        """*async* Route, authenticate, authorize and perform a request. Raises ``S3Error`` for S3
        answers, ``ClientDisconnected`` when there is nobody to answer; anything else is a defect,
        answered with ``InternalError``."""
