"""From a request's body to a stored one: framing decoded, digests verified, bytes durable.

Nothing is kept of a body that is short, long, or does not match what the request says of it: all
of that is known before the blob is committed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from z4tw.errors import EntityTooLarge, IncompleteBody, MissingContentLength
from z4tw.model.objects import EMPTY_BODY, BlobInfo, Body, BodyKind, Checksum
from z4tw.ops.context import Context
from z4tw.ops.started import Started
from z4tw.payload import Digests, RunningChecksum, make_decoder
from z4tw.sse.seal import BY_DEFAULT, Seal
from z4tw.threads import InOrder

DEFAULT_ALGORITHM = "CRC64NVME"
"""The checksum that S3 computes when a client names none."""
PIECE_BYTES = 2 * 1024 * 1024
"""What is decoded, digested and written at a time, unless many bodies share the memory."""
LEAST_PIECE_BYTES = 64 * 1024
WORKING = 2
"""How many pieces are with the digests: one of them waits, so that they never do."""
BUFFER_BYTES = 64 * 1024 * 1024
"""What the pieces of all bodies under way may take together: ``_HELD`` of each are in memory."""
_HELD = WORKING + 2  # one is gathered, one is written
ON_LOOP_BYTES = 64 * 1024
"""Up to this size a body is digested on the event loop: a thread would cost more."""

T = TypeVar("T")
Make = Callable[[Body, str, Checksum | None], T]
"""Makes the version or part of a body from it, its ETag and its checksum."""
Footer = Callable[[T], bytes]
"""Makes the footer record of a blob from its version or part."""


class Taken(NamedTuple, Generic[T]):
    """A body that is durable, or ready to be stored with its version's row.

    ``value`` is the version or part that was made of it; ``inline`` is the stored form of an
    INLINE body, ``blob`` describes a new FILE body.
    """

    value: T
    inline: bytes | None = None
    blob: BlobInfo | None = None


class Intake:
    """The body of one request: admitted first, then read.

    Making one reads nothing of the body, so a refusal comes before ``100 Continue``: of a body
    without a length (``MissingContentLength``), above ``max_bytes`` (``EntityTooLarge``), above
    what the disk has room for (``InsufficientStorage``), in a read-only store
    (``ServiceUnavailable``), or with malformed digests (``InvalidDigest``, ``InvalidRequest``).
    ``algorithm`` is the checksum to compute when the request names none; with ``always`` it is
    computed beside another one that the request names, for ``checksum_value``. ``at_most`` is given
    for a body of which only that is known of its size.
    """

    def __init__(
        self,
        context: Context,
        max_bytes: int,
        algorithm: str = DEFAULT_ALGORITHM,
        always: bool = False,
        at_most: int | None = None,
    ) -> None:
        head = context.head
        self._exact = at_most is None
        self._context = context
        self._decoder = make_decoder(head, context.verified)
        expected = at_most
        if self._exact and (head.chunked or "content-length" in head.headers):
            expected = self._decoder.decoded_length
        if expected is None:
            # HTTP takes a request without a length for an empty one; S3 wants to be told.
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
        self._beside: RunningChecksum | None = None
        if always and self.digests.algorithm != algorithm:
            self._beside = RunningChecksum(algorithm)

    def declared(self) -> str:
        """The algorithm of the checksum that the request carries, empty when it carries none."""
        head = self._context.head
        plan = Digests.plan(
            head.headers, self._context.call.query, self._decoder.trailer_names, None, None
        )
        return plan.algorithm or ""

    def checksum_value(self) -> str:
        """The value (base64) of ``algorithm`` itself, once the body was verified."""
        if self._beside is not None:
            return self._beside.value()
        checksum = self.digests.checksum
        return "" if checksum is None else checksum.value

    async def take(
        self,
        make: Make[T],
        footer: Footer[T],
        inline_limit: int = 0,
        seal: Seal = BY_DEFAULT,
    ) -> Taken[T]:
        """Read, verify and store the body: with at most ``inline_limit`` bytes as INLINE (to be
        committed with its version), else as a durable FILE; without bytes as EMPTY. ``seal`` says
        how it is encrypted.

        Raises what the decoder and the digests find (``IncompleteBody``, ``BadDigest``,
        ``XAmzContentSHA256Mismatch``, ``SignatureDoesNotMatch``, ...), ``ClientDisconnected``,
        ``InsufficientStorage`` and ``OSError``; then nothing is stored.
        """
        if self.size <= inline_limit or not self.size:
            data = await self._whole()
            self._finish(len(data))
            return self._inline(data, make, seal)
        context = self._context
        key = context.call.key.encode("utf-8")
        writer = context.blobs.writer(context.call.bucket, key, self.size, seal)
        work, beside = _here(self._decode), _here(self._digest_others)
        if self.size > ON_LOOP_BYTES:
            work = InOrder(context.offload, self._decode).run
            beside = partial(context.offload.run, self._digest_others)
        return await store_blob(writer, self._pull(), work, beside, self._verified, make, footer)

    async def read_whole(self) -> bytes:
        """Read and verify the whole body, which is kept in memory and stored nowhere; ``digests``
        are finished then. Raises as ``take``."""
        data = await self._whole()
        self._finish(len(data))
        return data

    async def _whole(self) -> bytes:
        body = self._context.exchange.body
        data: bytes | None = body.take_all()
        if data is not None:
            pieces = self._decode([data]) if data else []
        else:
            pieces = []
            while data := await body.read():
                pieces += self._decode([data])
        self._digest_others(pieces)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _inline(self, data: bytes, make: Make[T], seal: Seal) -> Taken[T]:
        digests = self.digests
        if not data:
            return Taken(make(EMPTY_BODY, digests.etag, digests.checksum))
        blobs = self._context.blobs
        id = blobs.new_id()
        value = make(Body(BodyKind.INLINE, id, len(data)), digests.etag, digests.checksum)
        return Taken(value, inline=blobs.seal_inline(id, data, seal))

    def _pull(self) -> Pull:
        body = self._context.exchange.body
        whole = body.take_all() if self.size <= PIECE_BYTES else None
        return gather(body.read, self._context.blobs) if whole is None else given([whole])

    def _decode(self, pieces: list[bytes]) -> list[bytes]:
        released = []
        for piece in pieces:
            data = self._decoder.feed(piece)
            self._seen += len(data)
            if self._seen > self.size:
                raise IncompleteBody()
            if data:
                self.digests.update_etag(data)
                released.append(data)
        return released

    def _digest_others(self, pieces: list[bytes]) -> None:
        for data in pieces:
            self.digests.update_others(data)
            if self._beside is not None:
                self._beside.update(data)

    def _verified(self, size: int) -> tuple[str, Checksum | None]:
        self._finish(size)
        return self.digests.etag, self.digests.checksum

    def _finish(self, size: int) -> None:
        self._decoder.finish()
        if size != self.size if self._exact else size > self.size:
            raise IncompleteBody()
        self.digests.finish(self._decoder.trailers)


Pull = Callable[[], Awaitable[list[bytes]]]
"""Gives the next raw pieces of a body, about ``PIECE_BYTES`` together, [] at the end."""
Work = Callable[[list[bytes]], Awaitable[list[bytes]]]
"""Starts decoding and digesting pieces, which gives the payload's. It must keep their order though
``WORKING`` of them are under way."""
Beside = Callable[[list[bytes]], Awaitable[None]]
"""Starts what is to be done with the payload's pieces while they are written; one at a time."""


def piece_bytes(streams: int) -> int:
    """The size of a piece when so many bodies are under way."""
    return max(LEAST_PIECE_BYTES, min(PIECE_BYTES, BUFFER_BYTES // (_HELD * max(streams, 1))))


def gather(read: Callable[[], Awaitable[bytes]], blobs: Any) -> Pull:
    """Pieces of a useful size from a source of small ones (``b""`` ends it); ``blobs`` is the
    ``IBlobStore`` that counts the streams."""

    async def pull() -> list[bytes]:
        pieces: list[bytes] = []
        size = 0
        wanted = piece_bytes(blobs.streams)
        while size < wanted:
            piece = await read()
            if not piece:
                break
            pieces.append(piece)
            size += len(piece)
        return pieces

    return pull


def given(pieces: list[bytes]) -> Pull:
    """Pieces that are there already."""
    left = [pieces]

    async def pull() -> list[bytes]:
        return left.pop() if left else []

    return pull


def _here(work: Callable[[list[bytes]], T]) -> Callable[[list[bytes]], Awaitable[T]]:
    async def at_once(pieces: list[bytes]) -> T:
        return work(pieces)

    return at_once


async def _kept(writer: Any, pieces: list[bytes], beside: Beside) -> None:
    """Write pieces and digest them meanwhile."""
    digesting = Started(beside(pieces))
    await writer.write(*pieces)
    await digesting


async def store_blob(
    writer: Any,
    pull: Pull,
    work: Work,
    beside: Beside,
    verified: Callable[[int], tuple[str, Checksum | None]],
    make: Make[T],
    footer: Footer[T],
) -> Taken[T]:
    """Write a blob through a pipeline: while one piece is written (and ``beside`` computes its
    lesser digests), ``work`` decodes and digests the next one with another waiting for it, and
    ``pull`` gathers the one after that.

    ``verified(size)`` is called when all bytes are with the writer, and raises if they are not
    what was announced. Whatever fails, the writer is aborted.
    """
    size = 0
    working: deque[Started[list[bytes]]] = deque()
    writing: Started[None] | None = None
    try:
        while True:
            pieces = await pull()
            while working and (len(working) == WORKING or not pieces):
                released = await working.popleft()
                size += sum(map(len, released))
                if writing is not None:
                    former, writing = writing, None
                    await former
                if released:
                    writing = Started(_kept(writer, released, beside))
            if not pieces:
                break
            working.append(Started(work(pieces)))
        if writing is not None:
            former, writing = writing, None
            await former
        etag, checksum = verified(size)
        value = make(Body(BodyKind.FILE, writer.id, size), etag, checksum)
        blob = await writer.commit(footer(value))
    except GeneratorExit:
        writer.abort()
        raise
    except BaseException:
        # What is under way ends before the writer goes; the first failure is the one that counts.
        for begun in working:
            await begun.settle()
        if writing is not None:
            await writing.settle()
        writer.abort()
        raise
    return Taken(value, blob=blob)
