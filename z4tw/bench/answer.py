"""Reading an HTTP/1.1 answer of any form, in any pieces. The loop reads the plain ones itself."""

from __future__ import annotations

import re

HEAD_LIMIT = 64 * 1024
"""More than this without an end is no head."""
KEPT_BYTES = 1 << 20
"""What is kept of a body that somebody wants to read."""
_CHUNK_LINE_LIMIT = 4096
_CODE = re.compile(rb"<Code>([A-Za-z0-9_.-]{1,100})</Code>")


class BadAnswer(Exception):
    """Bytes that are no HTTP answer."""


class Answer:
    """One answer that is being read. ``no_body``: it answers HEAD. ``keep``: its body is wanted
    (that of an error always is); otherwise body bytes are counted only."""

    __slots__ = (
        "_chunked", "_head", "_keep", "_left", "_line", "_no_body", "_state", "body", "head",
        "length_mark", "size", "status",
    )  # fmt: skip

    def __init__(self, no_body: bool = False, keep: bool = False) -> None:
        self._no_body, self._keep = no_body, keep
        self._head = self._line = b""
        self._left: int = 0
        self._chunked = False
        self._state = "head"
        self.head = self.body = self.length_mark = b""
        self.size = self.status = 0
        """Bytes of body so far; the status, 0 before the head is complete."""

    def feed(self, data: bytes | bytearray, start: int, end: int) -> int:
        """Take in ``data[start:end]``: the position behind the answer, or -1 when it goes on.

        Raises ``BadAnswer``."""
        while start < end:
            if self._state == "head":
                start = self._feed_head(bytes(data[start:end]), end)
                if start < 0:
                    return -1
            elif self._state == "body":
                start = self._feed_body(data, start, end)
            else:
                start = self._feed_chunk_line(data, start, end)
            if self._state == "done":
                return start
        return -1

    def eof(self) -> bool:
        """The connection ended: whether this completes the answer."""
        return self._state == "body" and self._left < 0

    def header(self, name: bytes) -> bytes | None:
        """The value of the first header of a lower-case name."""
        for line in self.head.split(b"\r\n")[1:]:
            found, _, value = line.partition(b":")
            if found.lower() == name:
                return value.strip()
        return None

    def code(self) -> str:
        """The S3 error code, or the status when there is none."""
        found = _CODE.search(self.body)
        return found[1].decode() if found else str(self.status)

    def _feed_head(self, data: bytes, end: int) -> int:
        head = self._head + data
        at = head.find(b"\r\n\r\n")
        if at < 0:
            if len(head) > HEAD_LIMIT:
                raise BadAnswer("a head without an end")
            if not head.startswith(b"HTTP/1."[: len(head)]):
                raise BadAnswer("no status line")
            self._head = head
            return -1
        self._head = b""
        self.head = head[:at]
        if not head.startswith(b"HTTP/1.") or not head[9:12].isdigit():
            raise BadAnswer("no status line")
        self.status = int(head[9:12])
        start = end - (len(head) - at - 4)
        if self.status < 200:
            return start
        self._begin_body()
        return start

    def _begin_body(self) -> None:
        length = self.header(b"content-length")
        if self._no_body or self.status in (204, 304):
            self._state = "done"
        elif (self.header(b"transfer-encoding") or b"").lower().endswith(b"chunked"):
            self._chunked, self._state = True, "size"
        elif length is None:
            self._left, self._state = -1, "body"
        elif not length.isdigit() or len(length) > 18:
            raise BadAnswer("no Content-Length")
        else:
            self._left, self._state = int(length), "body" if int(length) else "done"
            found = re.search(rb"\r\n[Cc]ontent-[Ll]ength: (?=[0-9])", self.head)
            self.length_mark = found[0] if found else b""

    def _feed_body(self, data: bytes | bytearray, start: int, end: int) -> int:
        stop = end if self._left < 0 else min(end, start + self._left)
        if (self._keep or self.status >= 300) and len(self.body) < KEPT_BYTES:
            self.body += bytes(data[start : min(stop, start + KEPT_BYTES)])
        self.size += stop - start
        if self._left >= 0:
            self._left -= stop - start
            if not self._left:
                self._state = "after" if self._chunked else "done"
        return stop

    def _feed_chunk_line(self, data: bytes | bytearray, start: int, end: int) -> int:
        at = data.find(b"\n", start, end)
        if at < 0:
            self._line += bytes(data[start:end])
            if len(self._line) > _CHUNK_LINE_LIMIT:
                raise BadAnswer("a chunk's line without an end")
            return end
        line = (self._line + bytes(data[start:at])).strip(b"\r")
        self._line = b""
        if self._state == "after":
            if line:
                raise BadAnswer("a chunk without an end")
            self._state = "size"
        elif self._state == "size":
            try:
                self._left = int(line.partition(b";")[0].strip() or b"-", 16)
            except ValueError:
                self._left = -1
            if self._left < 0:
                raise BadAnswer("no size of a chunk")
            self._state = "body" if self._left else "trailer"
        elif not line:
            self._state = "done"
        return at + 1
