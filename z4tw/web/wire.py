"""The fixed parts of a response head: status lines, and the lines that change once a second."""

from __future__ import annotations

import functools
from email.utils import formatdate
from http import HTTPStatus

SERVER = "z4tw"
_REASONS = {status.value: status.phrase for status in HTTPStatus}


@functools.lru_cache(maxsize=600)
def status_line(status: int) -> str:
    """The first line of a response, for the statuses that the server's own code uses."""
    return f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}\r\n"


@functools.lru_cache(maxsize=4)
def _common(second: int, host_id: str) -> str:
    lines = f"Server: {SERVER}\r\nDate: {formatdate(second, usegmt=True)}\r\n"
    return f"{lines}x-amz-id-2: {host_id}\r\n" if host_id else lines


def common_lines(now: float, host_id: str) -> str:
    """Server and Date (RFC 9110 section 6.6.1), and x-amz-id-2 unless ``host_id`` is empty."""
    return _common(int(now), host_id)


def header_lines(headers: list[tuple[str, str]]) -> str:
    """Header fields as lines. Raises ``ValueError`` when a name or value would start another
    line or holds a NUL: names and values may come from stored metadata."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    count = len(headers)
    if lines.count("\n") != count or lines.count("\r") != count or "\0" in lines:
        raise ValueError("a response header holds CR, LF or NUL")
    return lines


def encode_head(head: str) -> bytes:
    """A response head as bytes: each line as Latin-1, which gives back the very bytes that a
    client once sent; a line that has other characters as UTF-8."""
    try:
        return head.encode("latin-1")
    except UnicodeEncodeError:
        return b"\r\n".join([_encode_line(line) for line in head.split("\r\n")])


def _encode_line(line: str) -> bytes:
    try:
        return line.encode("latin-1")
    except UnicodeEncodeError:
        return line.encode("utf-8", "replace")
