"""Bodies of every kind, whole and in ranges, and what happens when they go away."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.ops.harness import run
from z4tw.interfaces import IBodySource
from z4tw.model.objects import BlobInfo, Body, BodyKind, Manifest, ManifestPart
from z4tw.ops import bodies
from z4tw.ops.bodies import BodyGone, PartsSource, Span, open_body, part_spans


class Reader:
    def __init__(self, log: list[str], name: str, data: bytes, piece: int) -> None:
        self.size = len(data)
        self._log, self._name, self._data, self._piece = log, name, data, piece

    async def next(self) -> bytes:
        piece, self._data = self._data[: self._piece], self._data[self._piece :]
        return piece

    def close(self) -> None:
        self._log.append(f"close {self._name}")


class Store:
    """Blobs and manifests in dictionaries, both the metadata store and the blob store."""

    def __init__(self, piece: int = 3) -> None:
        self.blobs: dict[bytes, bytes] = {}
        self.files: set[bytes] = set()
        self.manifests: dict[bytes, Manifest] = {}
        self.inline: dict[bytes, bytes] = {}
        self.log: list[str] = []
        self.piece = piece
        self.gate: Deferred[None] | None = None

    def add(self, data: bytes) -> Body:
        if not data:
            return Body(BodyKind.EMPTY, b"", 0)
        id = len(self.blobs).to_bytes(16, "big")
        self.blobs[id] = data
        self.files.add(id)
        return Body(BodyKind.FILE, id, len(data))

    def manifest(self, parts: list[bytes]) -> Body:
        rows = [
            ManifestPart(number, len(data), "", self.add(data))
            for number, data in enumerate(parts, 1)
        ]
        self.manifests[b"m" * 16] = Manifest(tuple(rows))
        return Body(BodyKind.MANIFEST, b"m" * 16, sum(map(len, parts)))

    async def read_blob(self, id: bytes) -> BlobInfo | None:
        return BlobInfo(id, "", len(self.blobs[id]), 0) if id in self.blobs else None

    async def read_manifest(self, id: bytes) -> Manifest | None:
        return self.manifests.get(id)

    async def read_inline(self, id: bytes) -> bytes | None:
        return self.inline.get(id)

    def open_inline(self, id: bytes, stored: bytes, body: Body, customer_key: bytes) -> bytes:
        return stored[1:]

    async def open(self, blob: BlobInfo, offset: int, length: int, customer_key: bytes) -> Reader:
        name = str(int.from_bytes(blob.id, "big"))
        if blob.id not in self.files:
            raise FileNotFoundError(name)
        if self.gate is not None:
            await self.gate
        self.log.append(f"open {name}")
        return Reader(self.log, name, self.blobs[blob.id][offset : offset + length], self.piece)


def read(store: Store, body: Body, offset: int, length: int) -> bytes:
    source = run(open_body(store, store, body, offset, length))
    if isinstance(source, bytes):
        return source
    assert source.size == length
    pieces = []
    while piece := run(source.next()):
        pieces.append(piece)
    assert run(source.next()) == b""
    source.close()
    return b"".join(pieces)


def test_an_inline_body_is_bytes_whole_or_cut() -> None:
    store = Store()
    store.inline[b"i"] = b"!0123456789"
    body = Body(BodyKind.INLINE, b"i", 10)
    assert run(open_body(store, store, body, 0, 10)) == b"0123456789"
    assert run(open_body(store, store, body, 3, 4)) == b"3456"


def test_an_empty_body_has_no_row() -> None:
    assert run(open_body(Store(), Store(), Body(BodyKind.EMPTY, b"", 0), 0, 0)) == b""


def test_a_file_is_its_reader() -> None:
    store = Store()
    body = store.add(b"0123456789")
    assert read(store, body, 0, 10) == b"0123456789"
    assert read(store, body, 2, 5) == b"23456"
    assert store.log == ["open 0", "close 0", "open 0", "close 0"]


@pytest.mark.parametrize("kind", [BodyKind.INLINE, BodyKind.FILE, BodyKind.MANIFEST])
def test_a_body_without_a_row_is_gone(kind: int) -> None:
    with pytest.raises(BodyGone):
        run(open_body(Store(), Store(), Body(kind, b"x", 5), 0, 5))


def test_a_body_without_a_file_is_gone() -> None:
    store = Store()
    body = store.add(b"0123456789")
    store.files.clear()
    with pytest.raises(BodyGone):
        run(open_body(store, store, body, 0, 10))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.binary(max_size=20), min_size=1, max_size=8),
    st.integers(1, 7),
    st.data(),
)
def test_any_range_of_any_parts_is_that_of_the_joined_bytes(
    parts: list[bytes], piece: int, data: st.DataObject
) -> None:
    whole = b"".join(parts)
    store = Store(piece)
    body = store.manifest(parts)
    offset = data.draw(st.integers(0, len(whole)))
    length = data.draw(st.integers(0, len(whole) - offset))
    assert read(store, body, offset, length) == whole[offset : offset + length]
    opened = [entry for entry in store.log if entry.startswith("open")]
    closed = [entry.replace("close", "open") for entry in store.log if entry.startswith("close")]
    assert sorted(set(closed)) == sorted(opened)


def test_a_range_opens_only_the_parts_that_it_touches() -> None:
    store = Store()
    body = store.manifest([b"aaaa", b"bbbb", b"cccc", b"dddd"])
    assert read(store, body, 5, 2) == b"bb"
    assert store.log == ["open 1", "close 1"]
    assert part_spans(store.manifests[body.id], 3, 6) == [
        Span(Body(BodyKind.FILE, (0).to_bytes(16, "big"), 4), 3, 1),
        Span(Body(BodyKind.FILE, (1).to_bytes(16, "big"), 4), 0, 4),
        Span(Body(BodyKind.FILE, (2).to_bytes(16, "big"), 4), 0, 1),
    ]


def test_the_next_part_is_open_before_the_present_one_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bodies, "AHEAD_BYTES", 4)
    store = Store(piece=4)
    source = run(open_body(store, store, store.manifest([b"a" * 12, b"b" * 12]), 0, 24))
    assert verifyObject(IBodySource, source)
    run(source.next())
    assert store.log == ["open 0"]
    run(source.next())
    assert store.log == ["open 0"]
    run(source.next())
    assert store.log == ["open 0", "open 1"]
    source.close()
    source.close()
    assert store.log == ["open 0", "open 1", "close 0", "close 1"]
    assert run(source.next()) == b""


def test_a_body_that_is_gone_is_an_error_of_the_disk() -> None:
    """What reads an ``IBodySource`` expects ``OSError``."""
    assert issubclass(BodyGone, OSError)


def test_a_part_that_is_gone_cuts_the_body_off() -> None:
    store = Store(piece=4)
    source = run(open_body(store, store, store.manifest([b"aaaa", b"bbbb"]), 0, 8))
    store.blobs.clear()
    with pytest.raises(BodyGone):
        run(source.next())
    source.close()
    assert store.log == ["open 0", "close 0"]


class ClosedMeanwhile(SynchronousTestCase):
    def source(self) -> tuple[Store, Any]:
        store = Store(piece=4)
        body = store.manifest([b"aaaa", b"bbbb"])
        source = self.successResultOf(ensureDeferred(open_body(store, store, body, 0, 8)))
        self.assertIsInstance(source, PartsSource)
        return store, source

    def test_a_part_that_was_being_opened_is_closed_again(self) -> None:
        store, source = self.source()
        store.gate = Deferred()
        piece = ensureDeferred(source.next())
        self.assertNoResult(piece)
        source.close()
        store.gate.callback(None)
        self.assertEqual(self.successResultOf(piece), b"aaaa")
        self.assertEqual(store.log, ["open 0", "close 0", "open 1", "close 1"])
        self.assertEqual(self.successResultOf(ensureDeferred(source.next())), b"")
