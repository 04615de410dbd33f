"""Request bodies on their way into the store: sizes, framings, overlap, and every failure."""

from __future__ import annotations

import hashlib
from collections.abc import Coroutine
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.trial.unittest import SynchronousTestCase

from tests.ops.harness import Harness, PieceBody
from tests.ops.hooks import SMALL, base64
from z4tw.errors import ClientDisconnected
from z4tw.interfaces import Exchange
from z4tw.model.objects import Body, BodyKind, Checksum
from z4tw.ops import ingest
from z4tw.ops.ingest import Taken, gather, store_blob
from z4tw.ops.ingest import given as ready_pieces

LIMIT = SMALL.inline_limit_bytes


def kinds(harness: Harness) -> tuple[int, int]:
    """How many bodies lie in the database and how many in files."""
    return len(harness.store._inline), len(harness.blobs.blobs)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, (0, 0)),
        (1, (1, 0)),
        (LIMIT, (1, 0)),
        (LIMIT + 1, (0, 1)),
        (ingest.ON_LOOP_BYTES, (0, 1)),
        (ingest.ON_LOOP_BYTES + 1, (0, 1)),
        (ingest.PIECE_BYTES * 3 + 5, (0, 1)),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_a_body_is_empty_inline_or_a_file_by_its_size(
    size: int, expected: tuple[int, int], whole: bool
) -> None:
    harness = Harness()
    harness.bucket()
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    pieces = None if whole else [data[at : at + 70_001] for at in range(0, size, 70_001)]
    answer = harness.put("/bucket/key", data, pieces=pieces)
    assert answer.headers["etag"] == f'"{hashlib.md5(data).hexdigest()}"'
    assert kinds(harness) == expected
    assert harness.request("GET", "/bucket/key").body == data


def test_digests_of_long_bodies_are_offloaded_and_of_short_ones_not() -> None:
    harness = Harness()
    harness.bucket()
    harness.put("/bucket/key", bytes(ingest.ON_LOOP_BYTES))
    assert harness.offload.runs == 0
    harness.put("/bucket/key", bytes(ingest.PIECE_BYTES + 1))
    assert harness.offload.runs > 0


def chunked_body(data: bytes, step: int, trailer: str = "") -> bytes:
    chunks = [data[at : at + step] for at in range(0, len(data), step)]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return framed + b"0\r\n" + trailer.encode() + b"\r\n"


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 30_000), st.integers(8192, 9000), st.integers(1, 3000), st.booleans())
def test_chunked_framing_in_any_pieces_gives_the_payload(
    size: int, step: int, cut: int, whole: bool
) -> None:
    harness = Harness()
    harness.bucket()
    data = bytes(index * 7 % 251 for index in range(size))
    body = chunked_body(data, step)
    pieces = None if whole else [body[at : at + cut] for at in range(0, len(body), cut)]
    headers = {"x-amz-decoded-content-length": str(size)}
    answer = harness.request(
        "PUT",
        "/bucket/key",
        headers,
        body,
        payload_hash="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        pieces=pieces,
    )
    assert answer.status == 200, answer
    assert harness.request("GET", "/bucket/key").body == data


BIG = LIMIT * 20
FAILURES = [
    ({"content-md5": base64(bytes(16))}, "BadDigest"),
    ({"content-md5": "nonsense"}, "InvalidDigest"),
    ({"x-amz-checksum-crc32": "AAAAAA=="}, "BadDigest"),
    ({"x-amz-checksum-crc32": "AAAA"}, "InvalidRequest"),
    ({"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-sha1": "x"}, "InvalidRequest"),
    ({"x-amz-checksum-sha512": "AAAA"}, "InvalidRequest"),
    ({"x-amz-sdk-checksum-algorithm": "CRC32"}, "InvalidRequest"),
]


@pytest.mark.parametrize("size", [LIMIT, BIG])
@pytest.mark.parametrize(("headers", "code"), FAILURES)
def test_a_body_that_is_not_what_it_should_be_leaves_nothing(
    headers: dict[str, str], code: str, size: int
) -> None:
    harness = Harness()
    harness.bucket()
    assert harness.request("PUT", "/bucket/key", headers, b"d" * size).error == code
    assert kinds(harness) == (0, 0)
    assert harness.request("GET", "/bucket/key").error == "NoSuchKey"


@pytest.mark.parametrize("size", [LIMIT, BIG])
def test_a_wrong_payload_hash_leaves_nothing(size: int) -> None:
    harness = Harness()
    harness.bucket()
    answer = harness.request("PUT", "/bucket/key", body=b"d" * size, payload_hash="0" * 64)
    assert answer.error == "XAmzContentSHA256Mismatch"
    assert kinds(harness) == (0, 0)


@pytest.mark.parametrize("size", [LIMIT, BIG])
@pytest.mark.parametrize("difference", [-1, 1])
def test_a_short_or_long_body_leaves_nothing(size: int, difference: int) -> None:
    harness = Harness()
    harness.bucket()
    answer = harness.request(
        "PUT",
        "/bucket/key",
        body=b"d" * size,
        pieces=[b"d" * (size + difference)],
        payload_hash="UNSIGNED-PAYLOAD",
    )
    assert answer.error == "IncompleteBody"
    assert kinds(harness) == (0, 0)


def test_a_body_without_a_length_is_refused_unread() -> None:
    harness = Harness()
    harness.bucket()
    answer = harness.request(
        "PUT", "/bucket/key", body=b"data", chunked=True, payload_hash="UNSIGNED-PAYLOAD"
    )
    assert answer.error == "MissingContentLength"
    assert not answer.exchange.body.touched
    answer = harness.request("PUT", "/bucket/key", head=headless(harness))
    assert answer.error == "MissingContentLength"


def headless(harness: Harness) -> Any:
    """A PUT that says nothing of its body's length."""
    head = harness.head_of(
        "PUT", "/bucket/key", {}, b"", harness.user, None, "us-east-1", False, False
    )
    headers = {name: value for name, value in head.headers.items() if name != "content-length"}
    return msgspec.structs.replace(head, headers=headers, content_length=0)


def test_too_large_and_no_room_are_said_before_the_body_is_read() -> None:
    harness = Harness(settings=SMALL)
    harness.bucket()
    answer = harness.request("PUT", "/bucket/key", body=bytes(SMALL.max_put_bytes + 1))
    assert answer.error == "EntityTooLarge"
    assert answer.details == {"ProposedSize": "200001", "MaxSizeAllowed": "200000"}
    assert not answer.exchange.body.touched
    harness.blobs.capacity_bytes = 1000
    answer = harness.request("PUT", "/bucket/key", body=bytes(1001))
    assert (answer.status, answer.error) == (507, "InsufficientStorage")
    assert not answer.exchange.body.touched
    harness.blobs.read_only = True
    answer = harness.request("PUT", "/bucket/key", body=b"x")
    assert (answer.status, answer.error) == (503, "ServiceUnavailable")
    assert not answer.exchange.body.touched


class Leaving(PieceBody):
    """A client that goes away in the middle."""

    async def read(self) -> bytes:
        data = await super().read()
        if not data:
            raise ClientDisconnected
        return data


def test_a_client_that_goes_away_leaves_nothing() -> None:
    harness = Harness()
    harness.bucket()
    head = harness.head_of(
        "PUT", "/bucket/key", {}, bytes(BIG), harness.user, None, "us-east-1", False, False
    )
    body = Leaving([bytes(BIG - 1)], whole=False)
    with pytest.raises(ClientDisconnected):
        harness.service.respond(Exchange(head, body)).send(None)
    assert kinds(harness) == (0, 0)


class Boom(Exception):
    pass


class Writer:
    """A writer whose steps end when the test says so."""

    id = bytes(16)

    def __init__(self) -> None:
        self.writes: list[tuple[tuple[bytes, ...], Deferred[None]]] = []
        self.record: bytes | None = None
        self.aborted = False

    def write(self, *pieces: bytes) -> Deferred[None]:
        done: Deferred[None] = Deferred()
        self.writes.append((pieces, done))
        return done

    async def commit(self, record: bytes) -> str:
        self.record = record
        return "blob"

    def abort(self) -> None:
        self.aborted = True


class Pipeline(SynchronousTestCase):
    """What overlaps with what, and what happens when a stage fails."""

    def setUp(self) -> None:
        self.writer = Writer()
        self.works: list[tuple[list[bytes], Deferred[list[bytes]]]] = []
        self.pulls: list[Deferred[list[bytes]]] = []
        self.digested: list[tuple[list[bytes], Deferred[None]]] = []
        self.digests_at_once = True
        self.ended = ensureDeferred(self.store())

    def store(self) -> Coroutine[Any, Any, Any]:
        return store_blob(
            self.writer, self.pull, self.work, self.beside,
            self.verified, self.make, self.footer,
        )  # fmt: skip

    def beside(self, pieces: list[bytes]) -> Deferred[None]:
        done: Deferred[None] = Deferred()
        self.digested.append((pieces, done))
        if self.digests_at_once:
            done.callback(None)
        return done

    def pull(self) -> Deferred[list[bytes]]:
        self.pulls.append(Deferred())
        return self.pulls[-1]

    def work(self, pieces: list[bytes]) -> Deferred[list[bytes]]:
        done: Deferred[list[bytes]] = Deferred()
        self.works.append((pieces, done))
        return done

    def verified(self, size: int) -> tuple[str, Checksum | None]:
        if size != 6:
            raise Boom(size)
        return "etag", None

    def make(self, body: Body, etag: str, checksum: Checksum | None) -> str:
        self.assertEqual(body, Body(BodyKind.FILE, bytes(16), 6))
        return etag

    def footer(self, value: str) -> bytes:
        return value.encode()

    def test_gathering_digesting_and_writing_overlap(self) -> None:
        self.pulls[0].callback([b"a", b"a"])
        self.pulls[1].callback([b"bb"])
        # One piece is digested and one waits for that: the third one is gathered meanwhile.
        self.assertEqual([pieces for pieces, _ in self.works], [[b"a", b"a"], [b"bb"]])
        self.pulls[2].callback([b"cc"])
        self.assertEqual((len(self.works), len(self.pulls)), (2, 3))
        self.works[0][1].callback([b"a", b"a"])
        self.assertEqual([data for data, _ in self.writer.writes], [(b"a", b"a")])
        self.assertEqual((len(self.works), len(self.pulls)), (3, 4))
        self.works[1][1].callback([b"bb"])
        self.pulls[3].callback([])
        # The first write has not ended: the second waits for it, and nothing else is begun.
        self.assertEqual(len(self.writer.writes), 1)
        self.writer.writes[0][1].callback(None)
        self.assertEqual([data for data, _ in self.writer.writes], [(b"a", b"a"), (b"bb",)])
        self.works[2][1].callback([b"cc"])
        self.writer.writes[1][1].callback(None)
        self.assertIsNone(self.writer.record)
        self.writer.writes[2][1].callback(None)
        self.assertEqual(self.successResultOf(self.ended), Taken("etag", None, "blob"))
        self.assertEqual(self.writer.record, b"etag")
        self.assertFalse(self.writer.aborted)

    def test_the_other_digests_are_taken_beside_the_write_and_waited_for(self) -> None:
        self.digests_at_once = False
        self.pulls[0].callback([b"aaa"])
        self.pulls[1].callback([b"bbb"])
        self.works[0][1].callback([b"aaa"])
        self.pulls[2].callback([])
        self.assertEqual([pieces for pieces, _ in self.digested], [[b"aaa"]])
        self.assertEqual(len(self.writer.writes), 1)
        self.writer.writes[0][1].callback(None)
        self.works[1][1].callback([b"bbb"])
        # The digest of the first piece goes on: the next one must not overtake it.
        self.assertEqual(len(self.digested), 1)
        self.digested[0][1].callback(None)
        self.assertEqual([pieces for pieces, _ in self.digested], [[b"aaa"], [b"bbb"]])
        self.writer.writes[1][1].callback(None)
        self.assertNoResult(self.ended)
        self.digested[1][1].callback(None)
        self.assertEqual(self.successResultOf(self.ended), Taken("etag", None, "blob"))

    def test_a_failed_write_ends_it_after_the_work_under_way(self) -> None:
        for number in range(3):
            self.pulls[number].callback([b"aa"])
        self.works[0][1].callback([b"aa"])
        self.works[1][1].callback([b"aa"])
        self.pulls[3].callback([b"dd"])
        self.assertEqual(len(self.works), 3)
        self.writer.writes[0][1].errback(OSError("EIO"))
        self.assertFalse(self.writer.aborted)
        self.works[2][1].callback([b"aa"])
        self.failureResultOf(self.ended, OSError)
        self.assertTrue(self.writer.aborted)
        self.assertIsNone(self.writer.record)

    def test_failed_work_ends_it_after_what_is_under_way(self) -> None:
        for number in range(3):
            self.pulls[number].callback([b"aa"])
        self.works[0][1].callback([b"aa"])
        self.pulls[3].callback([])
        self.works[1][1].errback(Boom())
        self.works[2][1].errback(OSError("of no interest any more"))
        self.assertFalse(self.writer.aborted)
        self.writer.writes[0][1].callback(None)
        self.failureResultOf(self.ended, Boom)
        self.assertTrue(self.writer.aborted)
        self.assertIsNone(self.writer.record)

    def test_a_failed_pull_waits_for_what_is_under_way(self) -> None:
        self.pulls[0].callback([b"aa"])
        self.pulls[1].errback(ClientDisconnected())
        self.assertFalse(self.writer.aborted)
        self.works[0][1].errback(Boom())
        self.failureResultOf(self.ended, ClientDisconnected)
        self.assertTrue(self.writer.aborted)

    def test_what_is_not_verified_is_not_committed(self) -> None:
        self.pulls[0].callback([b"aa"])
        self.pulls[1].callback([])
        self.works[0][1].callback([b"aa"])
        self.writer.writes[0][1].callback(None)
        self.failureResultOf(self.ended, Boom)
        self.assertTrue(self.writer.aborted)
        self.assertIsNone(self.writer.record)

    def test_a_cancelled_request_aborts_at_once(self) -> None:
        coroutine = self.store()
        coroutine.send(None)
        coroutine.close()
        self.assertTrue(self.writer.aborted)


class Streams:
    """A blob store of which only the number of its streams is asked."""

    streams = 1


class Gathering(SynchronousTestCase):
    def test_pieces_shrink_when_many_bodies_share_the_memory(self) -> None:
        sizes = [ingest.piece_bytes(streams) for streams in (0, 1, 21, 100, 1000)]
        self.assertEqual(sizes[:2], [ingest.PIECE_BYTES] * 2)
        self.assertEqual(sizes[2], ingest.BUFFER_BYTES // 84)
        self.assertEqual(sizes[3], ingest.BUFFER_BYTES // 400)
        self.assertEqual(sizes[4], ingest.LEAST_PIECE_BYTES)

    def test_pieces_are_sized_anew_each_time(self) -> None:
        blobs = Streams()
        pull = gather(PieceBody([bytes(70_000)] * 40, whole=False).read, blobs)
        self.assertEqual(len(self.successResultOf(ensureDeferred(pull()))), 30)
        blobs.streams = 1000
        self.assertEqual(len(self.successResultOf(ensureDeferred(pull()))), 1)

    def test_small_pieces_are_gathered_to_a_useful_size(self) -> None:
        piece = bytes(100 * 1024)
        body = PieceBody([piece] * 45, whole=False)
        pull = gather(body.read, Streams())
        sizes = []
        while pieces := self.successResultOf(ensureDeferred(pull())):
            sizes.append(sum(map(len, pieces)))
        self.assertEqual(sum(sizes), 45 * len(piece))
        self.assertEqual(sizes, [21 * len(piece), 21 * len(piece), 3 * len(piece)])

    def test_what_is_there_is_given_once(self) -> None:
        pull = ready_pieces([b"a"])
        self.assertEqual(self.successResultOf(ensureDeferred(pull())), [b"a"])
        self.assertEqual(self.successResultOf(ensureDeferred(pull())), [])
