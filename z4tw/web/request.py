"""A lean request: what ``twisted.web.iweb.IRequest`` asks for, computed only when asked for.

On S3 paths none of the lazy parts is ever touched; the resources beside S3 (and any stock
``IResource`` below them) find what they expect.
"""

from __future__ import annotations

import base64
import binascii
import io
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_to_bytes

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.urlpath import URLPath
from twisted.web import http
from twisted.web.error import UnsupportedMethod
from twisted.web.http_headers import Headers
from twisted.web.iweb import IRequest
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from z4tw.interfaces import RequestHead
from z4tw.web.body import EmptyBody, RequestBody
from z4tw.web.wire import common_lines, status_line

if TYPE_CHECKING:
    from z4tw.web.channel import HttpChannel

_BODYLESS = frozenset({http.NO_CONTENT, http.NOT_MODIFIED})

_log = Logger()


@implementer(IRequest)
class Z4Request:
    """One request of a channel. ``head`` is the parsed head, ``body`` an ``IRequestBody``."""

    def __init__(self, channel: HttpChannel, head: RequestHead, body: RequestBody | EmptyBody):
        self.channel = channel
        self.site = channel.site
        self.head = head
        self.body = body
        self.code = 200
        self._code_message = b""
        self._started = False
        self._chunked = False
        self._finished = False
        self.sitepath: list[bytes] = []
        self._notifications: list[Deferred[None]] | None = None
        self._lazy: dict[str, Any] = {}

    # What was asked.

    @property
    def method(self) -> bytes:
        """The method."""
        return self.head.method.encode("ascii")

    @property
    def uri(self) -> bytes:
        """The request target as it came."""
        return self.head.target

    @property
    def path(self) -> bytes:
        """The target without its query, still encoded."""
        return self.head.target.partition(b"?")[0]

    @property
    def args(self) -> dict[bytes, list[bytes]]:
        """The decoded query; the body is not looked into."""
        if "args" not in self._lazy:
            query = self.head.target.partition(b"?")[2]
            self._lazy["args"] = http.parse_qs(query, keep_blank_values=True)
        args: dict[bytes, list[bytes]] = self._lazy["args"]
        return args

    @property
    def prepath(self) -> list[bytes]:
        """The segments that traversal has passed."""
        prepath: list[bytes] = self._lazy.setdefault("prepath", [])
        return prepath

    @prepath.setter
    def prepath(self, segments: list[bytes]) -> None:
        self._lazy["prepath"] = segments

    @property
    def postpath(self) -> list[bytes]:
        """The unquoted segments that traversal has before it."""
        if "postpath" not in self._lazy:
            self._lazy["postpath"] = [unquote_to_bytes(s) for s in self.path[1:].split(b"/")]
        postpath: list[bytes] = self._lazy["postpath"]
        return postpath

    @postpath.setter
    def postpath(self, segments: list[bytes]) -> None:
        self._lazy["postpath"] = segments

    @property
    def requestHeaders(self) -> Headers:
        """The header fields, repeated ones joined."""
        if "request_headers" not in self._lazy:
            self._lazy["request_headers"] = Headers(
                {k: [v] for k, v in self.getAllHeaders().items()}
            )
        headers: Headers = self._lazy["request_headers"]
        return headers

    @property
    def content(self) -> io.BytesIO:
        """The body, if it had come when this was first asked for; else nothing."""
        if "content" not in self._lazy:
            self._lazy["content"] = io.BytesIO(self.body.take_all() or b"")
        content: io.BytesIO = self._lazy["content"]
        return content

    def getHeader(self, key: bytes | str) -> bytes | str | None:
        """A header's value, of the key's type."""
        if isinstance(key, str):
            return self.head.headers.get(key.lower())
        value = self.head.headers.get(key.decode("latin-1").lower())
        return None if value is None else value.encode("latin-1")

    def getAllHeaders(self) -> dict[bytes, bytes]:
        """All headers by lower-case name."""
        return {k.encode("latin-1"): v.encode("latin-1") for k, v in self.head.headers.items()}

    def getCookie(self, key: bytes) -> bytes | None:
        """A cookie's value."""
        for pair in self.head.headers.get("cookie", "").split(";"):
            name, _, value = pair.strip().partition("=")
            if name.encode("latin-1") == key:
                return value.encode("latin-1")
        return None

    def getRequestHostname(self) -> bytes:
        """The Host header without its port, or the address that the client reached."""
        host = self.head.headers.get("host", "")
        if not host:
            return str(getattr(self.getHost(), "host", "")).encode("ascii")
        if host.startswith("["):
            return host.partition("]")[0].encode("latin-1") + b"]"
        return host.partition(":")[0].encode("latin-1")

    def getHost(self) -> IAddress:
        """The address that the client reached, or what ``setHost`` said."""
        host: IAddress = self._lazy.get("host") or self.channel.transport.getHost()
        return host

    def getClientAddress(self) -> IAddress:
        """The client's address."""
        address: IAddress = self.channel.transport.getPeer()
        return address

    def getClientIP(self) -> str | None:
        """The client's IP address."""
        return self.head.peer or None

    def isSecure(self) -> bool:
        """Whether the request came over TLS, or ``setHost`` said so."""
        return bool(self._lazy.get("secure", self.head.secure))

    def setHost(self, host: bytes, port: int, ssl: bool = False) -> None:
        """Pretend to have been reached at another address."""
        address = self.channel.transport.getHost()
        self._lazy["host"] = type(address)("TCP", host.decode("ascii"), port)
        self._lazy["secure"] = bool(ssl)
        self.requestHeaders.setRawHeaders(b"host", [host])

    def _credentials(self) -> tuple[bytes, bytes]:
        scheme, _, value = self.head.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return b"", b""
        try:
            user, _, password = base64.b64decode(value, validate=True).partition(b":")
        except binascii.Error:
            return b"", b""
        return user, password

    def getUser(self) -> bytes:
        """The user of HTTP basic authentication, or nothing."""
        return self._credentials()[0]

    def getPassword(self) -> bytes:
        """The password of HTTP basic authentication, or nothing."""
        return self._credentials()[1]

    def getSession(self, sessionInterface: object = None) -> object:
        """There are no sessions: raises ``RuntimeError``."""
        raise RuntimeError("this server keeps no sessions")

    def URLPath(self) -> URLPath:
        """The URL of this request as an object."""
        url: URLPath = URLPath.fromBytes(self._base_url() + self.path)
        return url

    def _base_url(self) -> bytes:
        scheme = b"https://" if self.isSecure() else b"http://"
        return scheme + self.head.headers.get("host", "").encode("latin-1")

    def prePathURL(self) -> bytes:
        """The absolute URL of the resource that traversal has reached."""
        passed = b"/".join(quote(segment, safe="").encode("ascii") for segment in self.prepath)
        return self._base_url() + b"/" + passed

    def rememberRootURL(self) -> None:
        """Remember the URL of the resource that traversal has reached, but its last segment."""
        self._lazy["root_url"] = self.prePathURL().rpartition(b"/")[0]

    def getRootURL(self) -> bytes | None:
        """What ``rememberRootURL`` remembered."""
        root: bytes | None = self._lazy.get("root_url")
        return root

    # The answer.

    @property
    def responseHeaders(self) -> Headers:
        """The header fields that the answer will have."""
        if "response_headers" not in self._lazy:
            self._lazy["response_headers"] = Headers()
        headers: Headers = self._lazy["response_headers"]
        return headers

    def setResponseCode(self, code: int, message: bytes | None = None) -> None:
        """Set the status of the answer."""
        self.code = code
        self._code_message = b" ".join((message or b"").split())

    def setHeader(self, k: bytes | str, v: bytes | str) -> None:
        """Set a header field of the answer, replacing what it was."""
        self.responseHeaders.setRawHeaders(k, [v])

    def addCookie(
        self,
        k: bytes | str,
        v: bytes | str,
        expires: bytes | str | None = None,
        domain: bytes | str | None = None,
        path: bytes | str | None = None,
        max_age: bytes | str | None = None,
        comment: bytes | str | None = None,
        secure: bool | None = None,
    ) -> None:
        """Add a Set-Cookie header field. Raises ``ValueError`` for values that would split it."""

        def text(value: bytes | str) -> str:
            result = value if isinstance(value, str) else value.decode("latin-1")
            if any(mark in result for mark in ";\r\n"):
                raise ValueError("a cookie's parts must not hold ; CR or LF")
            return result

        cookie = f"{text(k)}={text(v)}"
        attributes = {
            "Expires": expires, "Domain": domain, "Path": path, "Max-Age": max_age,
            "Comment": comment,
        }  # fmt: skip
        for name, value in attributes.items():
            if value is not None:
                cookie += f"; {name}={text(value)}"
        if secure:
            cookie += "; Secure"
        self.responseHeaders.addRawHeader("Set-Cookie", cookie)

    def redirect(self, url: bytes | str) -> None:
        """Answer with a redirect; ``finish`` is the caller's."""
        self.setResponseCode(http.FOUND)
        self.setHeader(b"location", url)

    def setLastModified(self, when: float) -> object:
        """Set Last-Modified to the latest time given; ``http.CACHED`` when the client has it."""
        when = int(when)
        if when > self._lazy.get("last_modified", -1):
            self._lazy["last_modified"] = when
            self.setHeader(b"last-modified", http.datetimeToString(when))
        since = self.head.headers.get("if-modified-since", "").partition(";")[0]
        if since:
            try:
                known = http.stringToDatetime(since.encode("latin-1"))
            except ValueError:
                return None
            if known >= when:
                self.setResponseCode(http.NOT_MODIFIED)
                return http.CACHED
        return None

    def setETag(self, etag: bytes) -> object:
        """Set the ETag; ``http.CACHED`` when the client has it."""
        self.setHeader(b"etag", etag)
        known = self.head.headers.get("if-none-match", "").encode("latin-1").split()
        if known and (etag in known or b"*" in known):
            read = self.head.method in ("GET", "HEAD")
            self.setResponseCode(http.NOT_MODIFIED if read else http.PRECONDITION_FAILED)
            return http.CACHED
        return None

    def write(self, data: bytes) -> None:
        """Write a piece of the answer's body; the first one sends the head."""
        if not self._started:
            self._start()
        if not data or self.head.method == "HEAD" or self.channel.lost:
            return
        if self._chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        self.channel.send(data)

    def _start(self) -> None:
        self._started = True
        headers = self.responseHeaders
        if not headers.hasHeader(b"content-length") and self.code not in _BODYLESS:
            if not self.channel.http11:
                self.channel.close_at_end()
            elif self.head.method != "HEAD":
                self._chunked = True
                headers.setRawHeaders(b"transfer-encoding", [b"chunked"])
        start = status_line(self.code).encode("ascii")
        if self._code_message:
            start = b"HTTP/1.1 %d %b\r\n" % (self.code, self._code_message)
        lines = [start, common_lines(self.site.now(), "").encode("ascii")]
        for name, values in headers.getAllRawHeaders():
            lines += [b"%b: %b\r\n" % (name, value) for value in values]
        closes = self.channel.closes_after()
        if closes:
            lines.append(b"Connection: close\r\n")
        elif not self.channel.http11:
            lines.append(b"Connection: keep-alive\r\n")
        lines.append(b"\r\n")
        if not self.channel.lost:
            self.channel.send(b"".join(lines))

    def finish(self) -> None:
        """The answer is complete. Raises ``RuntimeError`` when it was already: the connection may
        be at its next request."""
        if self._finished:
            raise RuntimeError("a request was finished twice")
        self._finished = True
        if not self._started:
            if not self.responseHeaders.hasHeader(b"content-length") and self.code not in _BODYLESS:
                self.setHeader(b"content-length", b"0")
            self._start()
        if self._chunked and not self.channel.lost:
            self.channel.send(b"0\r\n\r\n")
        self.channel.request_done()

    def render(self, resource: Any) -> None:
        """Let a resource answer, as ``twisted.web.server.Request.render`` does."""
        try:
            body = resource.render(self)
        except UnsupportedMethod as unsupported:
            self.setResponseCode(http.NOT_ALLOWED)
            self.setHeader(b"allow", b", ".join(unsupported.allowedMethods))
            self.finish()
            return
        except Exception:
            _log.failure("a resource failed to render")
            self._fail()
            return
        if body is NOT_DONE_YET:
            return
        self.setHeader(b"content-length", b"%d" % len(body))
        self.write(body)
        self.finish()

    def _fail(self) -> None:
        if self._started:
            self.channel.abort()
            return
        self._lazy.pop("response_headers", None)
        self.setResponseCode(http.INTERNAL_SERVER_ERROR)
        self.finish()

    def notifyFinish(self) -> Deferred[None]:
        """Fires with None when the answer is written, or fails when the connection is lost."""
        deferred: Deferred[None] = Deferred()
        if self._notifications is None:
            self._notifications = []
        self._notifications.append(deferred)
        return deferred

    def finished(self) -> None:
        """Called by the channel when the answer is written."""
        notifications, self._notifications = self._notifications, None
        for deferred in notifications or ():
            deferred.callback(None)

    def connection_lost(self, reason: Failure) -> None:
        """Called by the channel when the connection is gone before the answer was written."""
        notifications, self._notifications = self._notifications, None
        for deferred in notifications or ():
            deferred.errback(reason)
