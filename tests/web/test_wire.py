"""The parts of a response head."""

from __future__ import annotations

import pytest

from tests.web.support import START_S
from z4tw.web.wire import common_lines, encode_head, header_lines, status_line


def test_status_lines() -> None:
    assert status_line(200) == "HTTP/1.1 200 OK\r\n"
    assert status_line(307) == "HTTP/1.1 307 Temporary Redirect\r\n"
    assert status_line(599) == "HTTP/1.1 599 Unknown\r\n"


def test_server_and_date_of_a_second() -> None:
    lines = "Server: z4tw\r\nDate: Wed, 21 Oct 2015 07:28:00 GMT\r\n"
    assert common_lines(START_S, "") == lines
    assert common_lines(START_S + 0.9, "node1") == lines + "x-amz-id-2: node1\r\n"
    assert "07:28:01" in common_lines(START_S + 1, "node1")


def test_headers_keep_their_order() -> None:
    assert header_lines([("B", "2"), ("A", "1"), ("C", "")]) == "B: 2\r\nA: 1\r\nC: \r\n"
    assert header_lines([]) == ""


@pytest.mark.parametrize("evil", ["\r\n", "\r", "\n", "a\r\nSet-Cookie: x", "\0", "a\n b"])
def test_a_header_cannot_start_another_line(evil: str) -> None:
    with pytest.raises(ValueError, match="CR, LF or NUL"):
        header_lines([("x-amz-meta-a", evil)])
    with pytest.raises(ValueError, match="CR, LF or NUL"):
        header_lines([("x" + evil, "a")])


def test_text_that_came_as_bytes_leaves_as_the_same_bytes() -> None:
    stored = "é".encode().decode("latin-1")
    assert encode_head(f"a: {stored}\r\n") == b"a: \xc3\xa9\r\n"


def test_other_text_is_utf_8_without_changing_the_other_lines() -> None:
    assert encode_head("a: \xe9\r\nb: \u20ac\r\n\r\n") == b"a: \xe9\r\nb: \xe2\x82\xac\r\n\r\n"
    assert encode_head("a: \udc80\u20ac\r\n") == b"a: ?\xe2\x82\xac\r\n"
