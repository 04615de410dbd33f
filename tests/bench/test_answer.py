"""Answers are read whole, byte by byte, and with bytes behind them."""

from __future__ import annotations

import pytest

from z4tw.bench.answer import HEAD_LIMIT, Answer, BadAnswer

PLAIN = b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "x"\r\n\r\nhello'
LOWER = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
TIGHT = b"HTTP/1.0 200\r\nContent-Length:5\r\n\r\nhello"
EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nhel\r\n2;name=value\r\nlo\r\n0\r\nTrailer: x\r\n\r\n"
)
CONTINUED = b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN
ERROR = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Length: 35\r\n\r\n<Error><Code>SlowDown</Code></Error>"
)[:-1]
ALL = {
    "plain": (PLAIN, 200, 5),
    "lower": (LOWER, 200, 5),
    "tight": (TIGHT, 200, 5),
    "empty": (EMPTY, 200, 0),
    "no content": (NO_CONTENT, 204, 0),
    "chunked": (CHUNKED, 200, 5),
    "continued": (CONTINUED, 200, 5),
    "error": (ERROR, 503, 35),
}
each = pytest.mark.parametrize("name", ALL)


@each
def test_whole(name: str) -> None:
    data, status, size = ALL[name]
    answer = Answer()
    assert answer.feed(data, 0, len(data)) == len(data)
    assert (answer.status, answer.size) == (status, size)


@each
def test_byte_by_byte(name: str) -> None:
    data, status, size = ALL[name]
    answer = Answer(keep=True)
    for at in range(len(data) - 1):
        assert answer.feed(data, at, at + 1) == -1
    assert answer.feed(data, len(data) - 1, len(data)) == len(data)
    assert (answer.status, answer.size, len(answer.body)) == (status, size, size)


@each
def test_with_bytes_around_it(name: str) -> None:
    data = ALL[name][0]
    buffer = bytearray(b"before" + data + b"HTTP/1.1 behind")
    assert Answer().feed(buffer, 6, len(buffer)) == 6 + len(data)


def test_an_answer_to_head_has_no_body() -> None:
    data = PLAIN[:-5]
    answer = Answer(no_body=True)
    assert answer.feed(data, 0, len(data)) == len(data)
    assert answer.size == 0


def test_a_body_may_last_until_the_connection_ends() -> None:
    data = b"HTTP/1.1 200 OK\r\n\r\nhello"
    answer = Answer(keep=True)
    assert not answer.eof()
    assert answer.feed(data, 0, len(data)) == -1
    assert answer.eof()
    assert answer.body == b"hello"


def test_a_body_that_was_cut_off_does_not_end_with_the_connection() -> None:
    answer = Answer()
    answer.feed(PLAIN, 0, len(PLAIN) - 1)
    assert not answer.eof()


def test_bodies_are_kept_of_errors_and_for_those_who_ask() -> None:
    answer = Answer()
    answer.feed(PLAIN, 0, len(PLAIN))
    assert answer.body == b""
    answer = Answer()
    answer.feed(ERROR, 0, len(ERROR))
    assert answer.code() == "SlowDown"


def test_without_a_code_the_status_is_one() -> None:
    data = b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n"
    answer = Answer(no_body=True)
    answer.feed(data, 0, len(data))
    assert answer.code() == "404"


def test_headers_are_found_in_any_case() -> None:
    answer = Answer()
    answer.feed(PLAIN, 0, len(PLAIN))
    assert answer.header(b"etag") == b'"x"'
    assert answer.header(b"date") is None


def test_how_the_length_is_written_is_kept_for_the_quick_way() -> None:
    for data, mark in ((PLAIN, b"\r\nContent-Length: "), (LOWER, b"\r\ncontent-length: ")):
        answer = Answer()
        answer.feed(data, 0, len(data))
        assert answer.length_mark == mark


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 5000,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * HEAD_LIMIT,
    ],
)
def test_what_is_no_answer(data: bytes) -> None:
    with pytest.raises(BadAnswer):
        Answer().feed(data, 0, len(data))
