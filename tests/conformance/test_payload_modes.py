"""Bodies in every payload mode: whole, checked by every checksum, cut short, and expected."""

from __future__ import annotations

import base64
import gzip
import hashlib
import itertools
import socket
import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest
import xxhash

from tests.conformance.raw import (
    CHUNK_BYTES,
    LITERAL,
    MODES,
    SIGNED_CHUNKS,
    SIGNED_TRAILER,
    STREAMING,
    UNSIGNED,
    UNSIGNED_TRAILER,
    Request,
    Secret,
    Wire,
    in_mode,
)
from tests.conformance.world import World, altered, build_world, part_list, upload_of
from tests.processes import Key, ServerProcess

_numbers = itertools.count()
BODIES = {
    size: bytes(n * 31 % 251 for n in range(size))
    for size in (0, 1, 4096, 4097, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 100_001)
}
DATA = BODIES[CHUNK_BYTES + 1] + b"z" * CHUNK_BYTES
WAYS = ("header", "query")


@pytest.fixture(scope="module")
def world(server: ServerProcess, alice: Key, bob: Key) -> World:
    return build_world(server, alice, bob)


@pytest.fixture
def path(world: World) -> str:
    """A key where nothing is."""
    return f"/{world.names['bucket']}/new{next(_numbers)}"


def _crc(polynomial: int, size: int) -> Callable[[bytes], bytes]:
    """A reflected CRC of ``size`` bytes, written from its polynomial."""
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
        table.append(value)
    ones = (1 << 8 * size) - 1

    def crc(data: bytes) -> bytes:
        value = ones
        for byte in data:
            value = value >> 8 ^ table[(value ^ byte) & 255]
        return (value ^ ones).to_bytes(size, "big")

    return crc


CHECKSUMS: dict[str, Callable[[bytes], bytes]] = {
    "crc32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "crc32c": _crc(0x82F63B78, 4),
    "crc64nvme": _crc(0x9A6C9329AC4BC9B5, 8),
    "sha1": lambda data: hashlib.sha1(data).digest(),
    "sha256": lambda data: hashlib.sha256(data).digest(),
    "sha512": lambda data: hashlib.sha512(data).digest(),
    "md5": lambda data: hashlib.md5(data).digest(),
    "xxhash64": lambda data: xxhash.xxh64(data).digest(),
    "xxhash3": lambda data: xxhash.xxh3_64(data).digest(),
    "xxhash128": lambda data: xxhash.xxh3_128(data).digest(),
}


def checksum(name: str, data: bytes) -> str:
    return base64.b64encode(CHECKSUMS[name](data)).decode()


def absent(world: World, path: str) -> bool:
    return world.alice.ask("HEAD", path).status == 404


@pytest.mark.parametrize("size", sorted(BODIES))
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("way", WAYS)
def test_a_body_is_stored_as_it_is_meant(
    way: str, mode: str, size: int, world: World, path: str
) -> None:
    body = BODIES[size]
    request = in_mode(
        world.alice.signer, Request("PUT", path, body=body), mode, query=way == "query"
    )
    put = world.alice.send(request)
    assert put.status == 200, put
    assert put.headers["etag"] == f'"{hashlib.md5(body).hexdigest()}"'
    got = world.alice.do("GET", path)
    assert got.body == body
    assert "content-encoding" not in got.headers


@pytest.mark.parametrize("name", sorted(CHECKSUMS))
@pytest.mark.parametrize("mode", [SIGNED_TRAILER, UNSIGNED_TRAILER])
@pytest.mark.parametrize("operation", ["PutObject", "UploadPart"])
def test_every_checksum_in_a_trailer(
    operation: str, mode: str, name: str, world: World, path: str
) -> None:
    """It is verified, answered and kept; a wrong one stores nothing."""
    client = world.alice
    query = ""
    if operation == "UploadPart":
        upload = upload_of(client, path, x_amz_checksum_algorithm=name.upper())
        query = f"partNumber=1&uploadId={upload}"
    header = f"x-amz-checksum-{name}"
    request = Request("PUT", path, query, {}, DATA)
    for value, status, code in (
        (checksum(name, DATA + b"x"), 400, "BadDigest"),
        (checksum(name, DATA)[:-4], 400, "InvalidRequest"),
        ("not base64!", 400, "InvalidRequest"),
        ("", 400, "InvalidRequest"),
    ):
        reply = client.send(in_mode(client.signer, request, mode, trailers={header: value}))
        assert (reply.status, reply.code) == (status, code), value
    if query:
        assert client.do("GET", path, f"uploadId={upload}").fields("Part") == []
    else:
        assert absent(world, path)
    value = checksum(name, DATA)
    reply = client.send(in_mode(client.signer, request, mode, trailers={header: value}))
    assert (reply.status, reply.headers[header]) == (200, value)
    if not query:
        head = client.do("HEAD", path, x_amz_checksum_mode="ENABLED")
        assert (head.headers[header], head.headers["x-amz-checksum-type"]) == (value, "FULL_OBJECT")


@pytest.mark.parametrize("name", sorted(CHECKSUMS))
@pytest.mark.parametrize("mode", [LITERAL, UNSIGNED, SIGNED_CHUNKS])
def test_every_checksum_in_a_header(mode: str, name: str, world: World, path: str) -> None:
    client = world.alice
    header = f"x-amz-checksum-{name}"
    for value, status in ((checksum(name, b""), 400), (checksum(name, DATA), 200)):
        request = Request("PUT", path, headers={header: value}, body=DATA)
        reply = client.send(in_mode(client.signer, request, mode))
        assert reply.status == status, reply
        assert absent(world, path) == (status == 400)


@pytest.mark.parametrize("mode", MODES)
def test_a_gzipped_body_stays_gzipped(mode: str, world: World, path: str) -> None:
    """``gzip,aws-chunked`` is stored as ``gzip``, and the bytes are the compressed ones."""
    body = gzip.compress(DATA)
    request = Request("PUT", path, headers={"Content-Encoding": "gzip"}, body=body)
    assert world.alice.send(in_mode(world.alice.signer, request, mode)).status == 200
    got = world.alice.do("GET", path)
    assert got.headers["content-encoding"] == "gzip"
    assert gzip.decompress(got.body) == DATA


@pytest.mark.parametrize("mode", [LITERAL, UNSIGNED])
@pytest.mark.parametrize("declared", ["aws-chunked", "AWS-Chunked", "gzip, aws-chunked"])
def test_a_body_that_only_declares_framing_is_plain(
    declared: str, mode: str, world: World, path: str
) -> None:
    """Without a STREAMING mode nothing is decoded, even where it looks like chunks."""
    body = b"5\r\nhello\r\n0\r\n\r\n"
    headers = {"Content-Encoding": declared, "x-amz-decoded-content-length": "5"}
    request = Request("PUT", path, headers=headers, body=body)
    assert world.alice.send(in_mode(world.alice.signer, request, mode)).status == 200
    got = world.alice.do("GET", path)
    assert got.body == body
    assert got.headers.get("content-encoding", "") == ("gzip" if "gzip" in declared else "")


@pytest.mark.parametrize("mode", STREAMING)
@pytest.mark.parametrize("declared", [0, 1, len(DATA) - 1, len(DATA) + 1, 10**12])
def test_another_decoded_length_stores_nothing(
    declared: int, mode: str, world: World, path: str
) -> None:
    request = in_mode(
        world.alice.signer, Request("PUT", path, body=DATA), mode, declared_length=declared
    )
    reply = world.alice.send(request)
    code = "EntityTooLarge" if declared == 10**12 else "IncompleteBody"
    assert (reply.status, reply.code) == (400, code)
    assert absent(world, path)


@pytest.mark.parametrize("mode", STREAMING)
def test_framing_that_is_cut_short_stores_nothing(mode: str, world: World, path: str) -> None:
    """Three chunks, as many bytes as Content-Length says, but the framing is not at its end.

    Class "loop on malformed input" (Swift CVE-2026-49017). Pipelined, so that a reply that
    belonged to another request would show.
    """
    body = b"a" * CHUNK_BYTES + b"b" * CHUNK_BYTES + b"cc"
    whole = in_mode(world.alice.signer, Request("PUT", path, body=body), mode)
    framed = whole.body
    # All that the modes do differently lies in the framing, so one mode is enough for every byte.
    cuts = range(0, len(framed), 1 if mode == SIGNED_TRAILER else 7)
    with Wire(world.server.port) as wire:
        for batch in range(0, len(cuts), 16):
            some = cuts[batch : batch + 16]
            wire.send(b"".join(replace(whole, body=framed[:cut]).wire() for cut in some))
            for cut in some:
                reply = wire.reply("PUT")
                assert (reply.status, reply.closes) == (400, False), cut
                assert reply.code in ("IncompleteBody", "MalformedTrailerError"), cut
        assert absent(world, path)
        assert wire.ask(whole).status == 200
    assert world.alice.do("GET", path).body == body


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("how", ["half-close", "close", "reset"])
def test_a_connection_that_ends_in_the_body_stores_nothing(
    how: str, mode: str, world: World, path: str
) -> None:
    whole = in_mode(world.alice.signer, Request("PUT", path, body=DATA), mode)
    size = len(whole.body)
    for cut in (
        0,
        1,
        50,
        90,
        4096,
        CHUNK_BYTES,
        CHUNK_BYTES + 100,
        size // 2,
        size - 100,
        size - 3,
        size - 2,
        size - 1,
    ):
        with Wire(world.server.port) as wire:
            wire.send(whole.head() + whole.body[:cut])
            if how == "half-close":
                wire.socket.shutdown(socket.SHUT_WR)
                reply = wire.reply("PUT")
                assert (reply.status, reply.code) == (400, "IncompleteBody"), cut
                assert reply.closes
                assert wire.ended()
            elif how == "reset":
                wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        assert absent(world, path), cut
    assert world.alice.send(whole).status == 200


# Expect: 100-continue (RFC 9110 section 10.1.1)


def expecting(request: Request) -> Request:
    return altered(request, expect="100-continue")


@pytest.mark.parametrize("mode", MODES)
def test_a_body_that_is_wanted_is_asked_for(mode: str, world: World, path: str) -> None:
    request = expecting(in_mode(world.alice.signer, Request("PUT", path, body=DATA), mode))
    with Wire(world.server.port) as wire:
        wire.send(request.head())
        assert wire.head() == (100, {})
        wire.send(request.body)
        reply = wire.reply("PUT")
        assert (reply.status, reply.interim, reply.closes) == (200, (), False)
        assert wire.ask(world.alice.signer.sign(Request("GET", path)).request).body == DATA


def _refused_before_the_body() -> dict[str, tuple[int, Callable[[World], Request]]]:
    def put(
        world: World,
        key: str = "refused",
        who: str = "alice",
        query: str = "",
        bucket: str = "",
        **headers: str,
    ) -> Request:
        request = Request(
            "PUT", f"/{bucket or world.names['bucket']}/{key}", query, body=DATA
        ).with_headers(**headers)
        return world.client(who).signer.sign(request, UNSIGNED).request

    def upload(world: World, name: str, number: str = "1") -> str:
        return f"partNumber={number}&uploadId={world.names.get(name, name)}"

    def wrong_secret(world: World) -> Request:
        key = Secret(world.alice.key.access_key_id, "wrong")
        return (
            replace(world.alice.signer, key=key)
            .sign(Request("PUT", f"/{world.names['bucket']}/refused", body=DATA), UNSIGNED)
            .request
        )

    def completion(world: World) -> Request:
        request = Request(
            "POST",
            f"/{world.names['bucket']}/parts",
            "uploadId=rubbish",
            body=part_list((1, "x")).encode(),
        )
        return world.alice.signer.sign(request).request

    return {
        "a wrong signature": (403, wrong_secret),
        "no signature": (
            403,
            lambda w: Request(
                "PUT", f"/{w.names['bucket']}/refused", headers={"Host": w.alice.host}, body=DATA
            ),
        ),
        "a missing bucket": (404, lambda w: put(w, bucket=w.names["absent"])),
        "no permission": (403, lambda w: put(w, who="bob")),
        "If-None-Match: * on a key that exists": (
            412,
            lambda w: put(w, "object", If_None_Match="*"),
        ),
        "If-Match with another ETag": (412, lambda w: put(w, "object", If_Match='"0"')),
        "If-Match on a key that does not exist": (404, lambda w: put(w, If_Match='"0"')),
        "a body above 5 GiB": (400, lambda w: put(w, Content_Length=str(5 * 1024**3 + 1))),
        "a malformed Content-MD5": (400, lambda w: put(w, Content_MD5="x")),
        "a malformed checksum": (400, lambda w: put(w, x_amz_checksum_crc32="x")),
        "a long key": (400, lambda w: put(w, "k" * 1025)),
        "too much metadata": (400, lambda w: put(w, x_amz_meta_a="m" * 2049)),
        "bad tags": (400, lambda w: put(w, x_amz_tagging="a=1&a=2")),
        "an unknown storage class": (400, lambda w: put(w, x_amz_storage_class="TAPE")),
        "something that is not there": (501, lambda w: put(w, x_amz_fwd_status="1")),
        "an upload that is not there": (404, lambda w: put(w, "parts", query=upload(w, "rubbish"))),
        "an upload that was aborted": (404, lambda w: put(w, "parts", query=upload(w, "aborted"))),
        "a part number that is none": (
            400,
            lambda w: put(w, "parts", query=upload(w, "upload", "0")),
        ),
        "a completion of no upload": (404, completion),
        "a subresource that cannot be put": (405, lambda w: put(w, "object", query="attributes")),
        "an operation that is not there": (501, lambda w: put(w, "", query="analytics&id=x")),
    }


REFUSED = _refused_before_the_body()


@pytest.mark.parametrize("why", REFUSED)
def test_a_refusal_takes_the_place_of_100_continue(why: str, world: World) -> None:
    """The client keeps its bytes. It may still send them, so the connection ends."""
    status, make = REFUSED[why]
    request = expecting(make(world))
    before = world.snapshot()
    with Wire(world.server.port) as wire:
        wire.send(request.head())
        reply = wire.reply(request.method)
        assert (reply.status, reply.interim) == (status, ()), reply
        assert reply.closes
        assert wire.ended()
    assert world.snapshot() == before


def test_a_client_that_does_not_wait_gets_no_100_continue(world: World, path: str) -> None:
    request = expecting(world.alice.signer.sign(Request("PUT", path, body=DATA)).request)
    with Wire(world.server.port) as wire:
        reply = wire.ask(request)
        assert reply.status == 200
        assert reply.interim in ((), (100,))


def test_a_body_of_no_bytes_is_asked_for_too(world: World, path: str) -> None:
    """So that no client takes its final answer early on a connection that goes on."""
    with Wire(world.server.port) as wire:
        request = expecting(world.alice.signer.sign(Request("PUT", path)).request)
        reply = wire.ask(request)
        assert (reply.status, reply.interim, reply.closes) == (200, (100,), False)
        request = expecting(world.alice.signer.sign(Request("GET", path)).request)
        reply = wire.ask(request)
        assert (reply.status, reply.interim, reply.closes) == (200, (100,), False)


def test_a_body_that_nobody_reads_is_not_asked_for(world: World, path: str) -> None:
    world.alice.do("PUT", path, body=b"x")
    request = expecting(world.alice.signer.sign(Request("GET", path), UNSIGNED).request)
    with Wire(world.server.port) as wire:
        wire.send(altered(request, content_length="10").head())
        reply = wire.reply("GET")
        assert (reply.status, reply.interim, reply.body) == (200, (), b"x")
        assert reply.closes
        assert wire.ended()


def test_http_1_0_knows_no_100_continue(world: World, path: str) -> None:
    request = expecting(world.alice.signer.sign(Request("PUT", path, body=DATA)).request)
    with Wire(world.server.port) as wire:
        wire.send(request.head().replace(b"HTTP/1.1", b"HTTP/1.0"))
        wire.send(request.body)
        reply = wire.reply("PUT")
        assert (reply.status, reply.interim, reply.closes) == (200, (), True)


def test_another_expectation_is_refused(world: World, path: str) -> None:
    request = world.alice.signer.sign(Request("PUT", path, body=DATA)).request
    with Wire(world.server.port) as wire:
        wire.send(altered(request, expect="200-ok").head())
        assert wire.reply("PUT").status == 417
    assert absent(world, path)
