"""Requests are read strictly, whole and byte by byte alike."""

from __future__ import annotations

from typing import Any

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw.errors import S3Error
from z4tw.web.limits import HttpLimits
from z4tw.web.message import BODY, DONE, HEAD, MessageReader

LIMITS = HttpLimits()
STEPS = [0, 1, 2, 3, 7]


def read(raw: bytes, step: int = 0) -> MessageReader:
    """Feed all of it, at once or ``step`` bytes at a time."""
    reader = MessageReader(LIMITS, set())
    for at in range(0, len(raw), step or len(raw)):
        reader.feed(raw[at : at + (step or len(raw))])
    return reader


def refused(raw: bytes, step: int = 0) -> S3Error:
    with pytest.raises(S3Error) as caught:
        read(raw, step)
    return caught.value


def request(*lines: bytes, start: bytes = b"GET /b/k HTTP/1.1", host: bytes = b"h") -> bytes:
    return b"\r\n".join([start, b"Host: " + host, *lines, b"", b""])


def post(*lines: bytes, start: bytes = b"POST /b HTTP/1.1") -> bytes:
    return request(*lines, start=start)


@pytest.mark.parametrize("step", STEPS)
class TestServed:
    def test_a_request_without_a_body(self, step: int) -> None:
        reader = read(request(b"X-Amz-Date:\t2015 ", b"ACCEPT:", b"a: b:c"), step)
        assert reader.state == DONE
        assert (reader.method, reader.target) == ("GET", b"/b/k")
        assert reader.headers == {"host": "h", "x-amz-date": "2015", "accept": "", "a": "b:c"}
        assert (reader.content_length, reader.chunked) == (0, False)
        assert reader.keep_alive
        assert reader.http11
        assert reader.unread == b""

    def test_repeated_fields_are_joined_in_order(self, step: int) -> None:
        reader = read(request(b"X: 1", b"Y: 2", b"x: 3"), step)
        assert reader.headers == {"host": "h", "x": "1,3", "y": "2"}

    def test_bytes_beyond_ascii_are_latin_1(self, step: int) -> None:
        reader = read(request("x-amz-meta-a: é".encode()), step)
        assert reader.headers["x-amz-meta-a"].encode("latin-1") == "é".encode()

    def test_a_body_of_a_length(self, step: int) -> None:
        reader = read(post(b"Content-Length: 5") + b"hello", step)
        assert (reader.state, reader.content_length) == (DONE, 5)
        assert b"".join(reader.pieces) == b"hello"

    def test_a_part_of_a_body(self, step: int) -> None:
        reader = read(post(b"Content-Length: 5") + b"hel", step)
        assert (reader.state, reader.body_left) == (BODY, 2)
        assert b"".join(reader.pieces) == b"hel"

    def test_what_follows_a_message_is_kept_for_later(self, step: int) -> None:
        reader = read(post(b"Content-Length: 2") + b"ok" + request(), step)
        assert reader.unread == request()
        reader.pieces = []
        reader.begin_next()
        assert (reader.state, reader.method, reader.unread) == (DONE, "GET", b"")

    def test_a_chunked_body(self, step: int) -> None:
        raw = post(b"Transfer-Encoding: chunked")
        raw += b"3\r\nabc\r\n4;name=value\r\n\r\n\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n"
        reader = read(raw + request(), step)
        assert (reader.state, reader.content_length, reader.body_left) == (DONE, None, None)
        assert b"".join(reader.pieces) == b"abc\r\n\r\n0123456789"
        assert reader.unread == request()

    def test_trailers_are_dropped(self, step: int) -> None:
        raw = post(b"Transfer-Encoding: chunked") + b"1\r\na\r\n0\r\nX-A: b\r\nHost: other\r\n\r\n"
        reader = read(raw + b"G", step)
        assert reader.state == DONE
        assert reader.headers == {"host": "h", "transfer-encoding": "chunked"}
        assert reader.unread == b"G"

    def test_keep_alive_follows_version_and_connection(self, step: int) -> None:
        assert not read(request(b"Connection: close"), step).keep_alive
        assert not read(request(b"Connection: x, Close"), step).keep_alive
        assert read(request(b"Connection: x"), step).keep_alive
        assert not read(b"GET / HTTP/1.0\r\n\r\n", step).keep_alive
        assert read(b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", step).keep_alive

    def test_http_1_0_needs_no_host(self, step: int) -> None:
        reader = read(b"GET / HTTP/1.0\r\n\r\n", step)
        assert not reader.http11
        assert reader.headers == {}

    def test_absolute_form_becomes_origin_form_and_host(self, step: int) -> None:
        for target, path, host in (
            (b"http://s3.test:9000/b/k?x=/?", b"/b/k?x=/?", "s3.test:9000"),
            (b"HTTPS://s3.test", b"/", "s3.test"),
            (b"http://s3.test?list-type=2", b"/?list-type=2", "s3.test"),
        ):
            reader = read(request(start=b"GET " + target + b" HTTP/1.1"), step)
            assert (reader.target, reader.headers["host"]) == (path, host)

    def test_the_target_is_not_normalized(self, step: int) -> None:
        target = b"//a/../b/./%2e%2E/+?a=%&b"
        assert read(request(start=b"GET " + target + b" HTTP/1.1"), step).target == target

    def test_options_may_ask_for_everything(self, step: int) -> None:
        assert read(request(start=b"OPTIONS * HTTP/1.1"), step).target == b"*"

    def test_a_few_empty_lines_before_the_request_are_ignored(self, step: int) -> None:
        assert read(b"\r\n\r\n" + request(), step).state == DONE

    def test_expect_is_understood_in_http_1_1(self, step: int) -> None:
        lines = (b"Expect: 100-Continue", b"Content-Length: 4")
        assert read(post(*lines), step).expect
        assert not read(post(*lines, start=b"POST / HTTP/1.0"), step).expect

    def test_hosts_of_all_kinds(self, step: int) -> None:
        for host in (b"", b"h:9000", b"[::1]:80", b"my-bucket.s3.test", b"127.0.0.1", b"a_b"):
            assert read(request(host=host), step).headers["host"] == host.decode()


HOSTILE = {
    "two lengths": post(b"Content-Length: 1", b"Content-Length: 2") + b"ab",
    "one length twice": post(b"Content-Length: 1", b"Content-Length: 1") + b"a",
    "a list of lengths": post(b"Content-Length: 1, 1") + b"a",
    "length and coding": post(b"Content-Length: 5", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "coding and length": post(b"Transfer-Encoding: chunked", b"Content-Length: 5") + b"0\r\n\r\n",
    "length +10": post(b"Content-Length: +10") + b"0123456789",
    "length 0x10": post(b"Content-Length: 0x10") + b"0123456789abcdef",
    "length -1": post(b"Content-Length: -1"),
    "length 1_0": post(b"Content-Length: 1_0") + b"0123456789",
    "length with a space": post(b"Content-Length: 1 0") + b"0",
    "an empty length": post(b"Content-Length: "),
    "a length beyond 64 bits": post(b"Content-Length: 99999999999999999999999"),
    "coding gzip": post(b"Transfer-Encoding: gzip"),
    "coding gzip, chunked": post(b"Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n",
    "coding chunked, gzip": post(b"Transfer-Encoding: chunked, gzip") + b"0\r\n\r\n",
    "coding chunked twice": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
    "coding xchunked": post(b"Transfer-Encoding: xchunked") + b"0\r\n\r\n",
    "coding with a vertical tab": post(b"Transfer-Encoding: \x0bchunked") + b"0\r\n\r\n",
    "coding name with a space": post(b"Transfer-Encoding : chunked") + b"0\r\n\r\n",
    "coding in HTTP/1.0": post(b"Transfer-Encoding: chunked", start=b"POST / HTTP/1.0"),
    "a folded line": request(b"A: b\r\n c"),
    "a folded first line": b"GET / HTTP/1.1\r\n A: b\r\nHost: h\r\n\r\n",
    "bare LF after the request line": b"GET / HTTP/1.1\nHost: h\r\n\r\n",
    "bare LF everywhere": b"GET / HTTP/1.1\nHost: h\n\n",
    "bare LF in a header": b"GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n",
    "bare CR in a header": b"GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n",
    "bare LF at the end": b"GET / HTTP/1.1\r\nHost: h\r\n\n\r\n\r\n",
    "NUL in a value": request(b"A: b\0c"),
    "NUL in a name": request(b"A\0: b"),
    "NUL in the target": request(start=b"GET /\0 HTTP/1.1"),
    "a control character in a value": request(b"A: b\x01c"),
    "DEL in a value": request(b"A: b\x7fc"),
    "a space in a name": request(b"A B: c"),
    "a line without a colon": request(b"AB"),
    "an empty name": request(b": b"),
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "no host beside an absolute target": b"GET http://h/ HTTP/1.1\r\nA: b\r\n\r\n",
    "two hosts": request(b"Host: h"),
    "a host with a space": request(host=b"a b"),
    "a host with a path": request(host=b"a/b"),
    "a host with a user": request(host=b"u@a"),
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/1.2": request(start=b"GET / HTTP/1.2"),
    "HTTP/2.0": request(start=b"GET / HTTP/2.0"),
    "the HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "RTSP": request(start=b"GET / RTSP/1.0"),
    "CONNECT": request(start=b"CONNECT h:80 HTTP/1.1"),
    "an upgrade": request(b"Connection: upgrade", b"Upgrade: h2c"),
    "half an upgrade": request(b"Upgrade: h2c"),
    "an unknown method": request(start=b"FOO / HTTP/1.1"),
    "a lower-case method": request(start=b"get / HTTP/1.1"),
    "two spaces": request(start=b"GET  / HTTP/1.1"),
    "a tab": request(start=b"GET\t/ HTTP/1.1"),
    "a space in the target": request(start=b"GET /a b HTTP/1.1"),
    "a byte beyond ASCII in the target": request(start=b"GET /\xc3\xa9 HTTP/1.1"),
    "a relative target": request(start=b"GET a HTTP/1.1"),
    "a fragment": request(start=b"GET /a#b HTTP/1.1"),
    "GET *": request(start=b"GET * HTTP/1.1"),
    "another scheme": request(start=b"GET ftp://h/ HTTP/1.1"),
    "a user in the target": request(start=b"GET http://u@h/ HTTP/1.1"),
    "an absolute target without authority": request(start=b"GET http:///x HTTP/1.1"),
    "an unknown expectation": request(b"Expect: 200-ok"),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "many empty lines": b"\r\n" * 40 + request(),
    "LF before the request": b"\n" + request(),
    "CR before the request": b"\r" + request(),
    "chunk size 0x3": post(b"Transfer-Encoding: chunked") + b"0x3\r\nabc\r\n0\r\n\r\n",
    "chunk size +3": post(b"Transfer-Encoding: chunked") + b"+3\r\nabc\r\n0\r\n\r\n",
    "chunk size with a space": post(b"Transfer-Encoding: chunked") + b"3 \r\nabc\r\n0\r\n\r\n",
    "chunk size beyond 64 bits": post(b"Transfer-Encoding: chunked") + b"f" * 17 + b"\r\n",
    "chunk size line with LF": post(b"Transfer-Encoding: chunked") + b"3\nabc\r\n0\r\n\r\n",
    "a chunk that is too long": post(b"Transfer-Encoding: chunked") + b"3\r\nabcX\r\n0\r\n\r\n",
    "a length in the trailer": (
        post(b"Transfer-Encoding: chunked") + b"0\r\nContent-Length: 5\r\n\r\nabcde"
    ),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_is_refused(name: str, step: int) -> None:
    error = refused(HOSTILE[name], step)
    assert error.code in ("BadRequest", "NotImplemented")
    assert 400 <= error.status < 600


def test_refusals_have_their_own_statuses() -> None:
    assert refused(HOSTILE["an unknown expectation"]).status == 417
    assert refused(HOSTILE["coding gzip, chunked"]).status == 501


@pytest.mark.parametrize("step", [0, 1000])
class TestBounds:
    def test_a_head_of_the_greatest_size_is_served(self, step: int) -> None:
        room = LIMITS.max_head_bytes - len(request(b"X: "))
        assert read(request(b"X: " + b"a" * room), step).state == DONE
        error = refused(request(b"X: " + b"a" * (room + 1)), step)
        assert error.code == "RequestHeaderSectionTooLarge"

    def test_a_megabyte_of_header(self, step: int) -> None:
        error = refused(request(b"X: " + b"a" * (1 << 20)), step)
        assert error.code == "RequestHeaderSectionTooLarge"

    def test_an_endless_target(self, step: int) -> None:
        error = refused(b"GET /" + b"a" * (1 << 20), step)
        assert error.code == "RequestHeaderSectionTooLarge"

    def test_ten_thousand_headers(self, step: int) -> None:
        error = refused(request(*[b"X%d: y" % n for n in range(10_000)]), step)
        assert error.code == "RequestHeaderSectionTooLarge"

    def test_a_hundred_headers_are_served(self, step: int) -> None:
        lines = [b"X%d: y" % n for n in range(99)]
        assert len(read(request(*lines), step).headers) == 100
        error = refused(request(*lines, b"Z: y"), step)
        assert error.code == "RequestHeaderSectionTooLarge"

    def test_an_endless_chunk_extension(self, step: int) -> None:
        raw = post(b"Transfer-Encoding: chunked") + b"3;" + b"a" * (1 << 18)
        assert refused(raw, step).code == "RequestHeaderSectionTooLarge"

    def test_an_endless_trailer(self, step: int) -> None:
        step = step or 1 << 16
        raw = post(b"Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\nX: "
        assert refused(raw + b"a" * (1 << 18), step).code == "RequestHeaderSectionTooLarge"
        many = b"".join(b"X%d: y\r\n" % n for n in range(30_000))
        assert refused(raw + many, step).code == "RequestHeaderSectionTooLarge"


def test_what_can_never_become_a_head_is_refused_without_its_end() -> None:
    assert refused(b"\x16\x03\x01").code == "BadRequest"
    assert refused(b"GET / HTTP/1.1\nHost: h\n").code == "BadRequest"


def test_the_set_of_known_hosts_is_bounded() -> None:
    hosts: set[str] = set()
    for number in range(3000):
        reader = MessageReader(LIMITS, hosts)
        reader.feed(request(host=b"h%d" % number))
    assert len(hosts) <= 1024


def test_a_released_reader_holds_nothing() -> None:
    reader = read(request() + b"more")
    reader.release()
    assert (reader.unread, reader.partial, reader.pieces) == (b"", b"", [])


class Recorder:
    """What llhttp itself makes of a head."""

    def __init__(self) -> None:
        self.fields: list[tuple[str, str]] = []
        self.url = b""

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.decode("latin-1").lower(), value.decode("latin-1").strip(" \t")))


TOKEN = st.text("abcXYZ-_.!#$%&'*+^`|~019", min_size=1, max_size=12)
VALUE = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=30)


@given(st.lists(st.tuples(TOKEN, VALUE), max_size=12), st.sampled_from([0, 1, 5]))
def test_fields_are_those_that_llhttp_sees(fields: list[tuple[str, str]], step: int) -> None:
    taken = {"host", "content-length", "transfer-encoding", "upgrade", "expect", "connection"}
    fields = [(n, v) for n, v in fields if n.lower() not in taken]
    raw = request(*[f"{n}: {v}".encode("latin-1") for n, v in fields])
    recorder = Recorder()
    try:
        httptools.HttpRequestParser(recorder).feed_data(raw)
    except httptools.HttpParserError:
        refused(raw, step)
        return
    joined: dict[str, str] = {}
    for name, value in recorder.fields:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    reader = read(raw, step)
    assert reader.headers == joined
    assert reader.target == recorder.url


CHUNK = st.binary(min_size=1, max_size=40) | st.sampled_from([b"\r\n\r\n", b"0\r\n\r\n", b"\r\n"])


@given(st.lists(CHUNK, max_size=8), st.binary(max_size=30), st.data())
def test_chunked_bodies_end_where_they_end(chunks: list[bytes], after: bytes, data: Any) -> None:
    """However the bytes are cut: the body is whole and not a byte beyond it is touched."""
    raw = post(b"Transfer-Encoding: chunked")
    raw += b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in chunks) + b"0\r\n\r\n" + after
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=12)))
    reader = MessageReader(LIMITS, set())
    for start, stop in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        if start != stop:
            reader.feed(raw[start:stop])
    assert reader.state == DONE
    assert b"".join(reader.pieces) == b"".join(chunks)
    assert reader.unread == after


@given(st.binary(max_size=300), st.sampled_from([0, 1, 3]))
def test_random_bytes_are_refused_or_wait(raw: bytes, step: int) -> None:
    reader = MessageReader(LIMITS, set())
    try:
        for at in range(0, len(raw), step or max(1, len(raw))):
            reader.feed(raw[at : at + (step or len(raw))])
    except S3Error:
        return
    assert reader.state == HEAD
    assert len(reader.partial) <= LIMITS.max_head_bytes
