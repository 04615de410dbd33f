"""From a request's body to a stored one: framing decoded, digests verified, bytes durable.

Nothing is kept of a body that is short, long, or does not match what the request says of it: all
of that is known before the blob is committed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from z4tw.errors import EntityTooLarge, IncompleteBody, MissingContentLength
from z4tw.model.objects import EMPTY_BODY, BlobInfo, Body, BodyKind, Checksum
from z4tw.ops.context import Context
from z4tw.ops.started import Started
from z4tw.payload import Digests, make_decoder

PIECE_BYTES = 1024 * 1024
"""What is decoded, digested and written at a time; three pieces at most are in memory."""
ON_LOOP_BYTES = 64 * 1024
"""Up to this size a body is digested on the event loop: a thread would cost more."""

Record = Callable[[Body, str, Checksum], bytes]
"""Makes the footer record of a blob from its body, its ETag and its checksum."""


class Ingested(NamedTuple):
    """A body that is stored, or ready to be stored with its version's row.

    ``inline`` is the stored form of an INLINE body, ``blob`` describes a FILE body.
    """

    body: Body
    etag: str
    checksum: Checksum
    inline: bytes | None = None
    blob: BlobInfo | None = None


class Intake:
    """The body of one request: admitted first, then read.

    Making one reads nothing of the body, so a refusal comes before ``100 Continue``: of a body
    without a length (``MissingContentLength``), above ``max_bytes`` (``EntityTooLarge``), above
    what the disk has room for (``InsufficientStorage``), in a read-only store
    (``ServiceUnavailable``), or with malformed digests (``InvalidDigest``, ``InvalidRequest``).
    ``algorithm`` is the checksum to compute when the request names none.
    """

    def __init__(self, context: Context, max_bytes: int, algorithm: str = "CRC64NVME") -> None:
        head = context.head
        self._context = context
        self._decoder = make_decoder(head, context.verified)
        expected = self._decoder.decoded_length
        if expected is None:
            expected = head.content_length
        if expected is None:
            raise MissingContentLength()
        if expected > max_bytes:
            raise EntityTooLarge(ProposedSize=str(expected), MaxSizeAllowed=str(max_bytes))
        self.size: int = expected
        self._seen = 0
        context.blobs.admit(expected)
        self.digests = Digests.plan(
            head.headers,
            context.call.query,
            self._decoder.trailer_names,
            self._decoder.sha256_needed,
            algorithm,
        )

    async def take(self, record: Record, inline_limit: int = -1) -> Ingested:
        """Read, verify and store the body: with at most ``inline_limit`` bytes as INLINE (to be
        committed with its version), else as a durable FILE; without bytes as EMPTY.

        Raises what the decoder and the digests find (``IncompleteBody``, ``BadDigest``,
        ``XAmzContentSHA256Mismatch``, ``SignatureDoesNotMatch``, ...), ``ClientDisconnected``,
        ``InsufficientStorage`` and ``OSError``; then nothing is stored.
        """
        if self.size <= inline_limit or not self.size:
            data = await self._whole()
            self._finish(len(data))
            return self._inline(data)
        context = self._context
        key = context.call.key.encode("utf-8")
        writer = context.blobs.writer(context.call.bucket, key, self.size)
        work = self._decode
        if self.size <= ON_LOOP_BYTES:
            return await store_blob(writer, self._pieces(), _now(work), self._verified, record)
        offload = context.offload.run

        def elsewhere(pieces: list[bytes]) -> Awaitable[bytes]:
            begun: Awaitable[bytes] = offload(work, pieces)
            return begun

        return await store_blob(writer, self._pieces(), elsewhere, self._verified, record)

    async def _whole(self) -> bytes:
        body = self._context.exchange.body
        data: bytes | None = body.take_all()
        if data is not None:
            return self._decode([data]) if data else b""
        pieces = []
        while data := await body.read():
            pieces.append(self._decode([data]))
        return b"".join(pieces)

    def _inline(self, data: bytes) -> Ingested:
        digests = self.digests
        if not data:
            return Ingested(EMPTY_BODY, digests.etag, digests.checksum)
        blobs = self._context.blobs
        id = blobs.new_id()
        body = Body(BodyKind.INLINE, id, len(data))
        return Ingested(body, digests.etag, digests.checksum, inline=blobs.seal_inline(id, data))

    def _pieces(self) -> Pull:
        body = self._context.exchange.body
        whole = body.take_all() if self.size <= PIECE_BYTES else None
        if whole is not None:
            return _given([whole])
        return gather(body.read)

    def _decode(self, pieces: list[bytes]) -> bytes:
        decoder = self._decoder
        decoded: list[bytes] = []
        for piece in pieces:
            out = decoder.feed(piece)
            if isinstance(out, list):
                decoded += out
            else:
                decoded.append(out)
        data = decoded[0] if len(decoded) == 1 else b"".join(decoded)
        self._seen += len(data)
        if self._seen > self.size:
            raise IncompleteBody()
        if data:
            self.digests.update(data)
        return data

    def _verified(self, size: int) -> tuple[str, Checksum]:
        self._finish(size)
        return self.digests.etag, self.digests.checksum

    def _finish(self, size: int) -> None:
        self._decoder.finish()
        if size != self.size:
            raise IncompleteBody()
        self.digests.finish(self._decoder.trailers)


Pull = Callable[[], Awaitable[list[bytes]]]
"""Gives the next raw pieces of a body, about ``PIECE_BYTES`` together, [] at the end."""


def gather(read: Callable[[], Awaitable[bytes]]) -> Pull:
    """Pieces of a useful size from a source of small ones (``b""`` ends it)."""

    async def pull() -> list[bytes]:
        pieces: list[bytes] = []
        size = 0
        while size < PIECE_BYTES:
            piece = await read()
            if not piece:
                break
            pieces.append(piece)
            size += len(piece)
        return pieces

    return pull


def _given(pieces: list[bytes]) -> Pull:
    left = [pieces]

    async def pull() -> list[bytes]:
        return left.pop() if left else []

    return pull


def _now(work: Callable[[list[bytes]], bytes]) -> Callable[[list[bytes]], Awaitable[bytes]]:
    async def here(pieces: list[bytes]) -> bytes:
        return work(pieces)

    return here


async def store_blob(
    writer: Any,
    pull: Pull,
    work: Callable[[list[bytes]], Awaitable[bytes]],
    verified: Callable[[int], tuple[str, Checksum]],
    record: Record,
) -> Ingested:
    """Write a blob through a pipeline: while one piece is written, ``work`` decodes and digests
    the next one, and ``pull`` gathers the one after it.

    ``verified(size)`` is called when all bytes are with the writer, and raises if they are not
    what was announced. Whatever fails, the writer is aborted.
    """
    size = 0
    working: Started[bytes] | None = None
    writing: Started[None] | None = None
    try:
        while True:
            pieces = await pull()
            if working is not None:
                present, working = working, None
                data = await present
                size += len(data)
                if writing is not None:
                    former, writing = writing, None
                    await former
                if data:
                    writing = Started(writer.write(data))
            if not pieces:
                break
            working = Started(work(pieces))
        if writing is not None:
            former, writing = writing, None
            await former
        etag, checksum = verified(size)
        body = Body(BodyKind.FILE, writer.id, size)
        blob = await writer.commit(record(body, etag, checksum))
    except GeneratorExit:
        writer.abort()
        raise
    except BaseException:
        # What is under way ends before the writer goes; the first failure is the one that counts.
        for begun in (working, writing):
            if begun is not None:
                await begun.settle()
        writer.abort()
        raise
    return Ingested(body, etag, checksum, blob=blob)
