"""Writing the bytes of a version once more: as a part, or sealed in another way."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeVar

from z4tw.errors import CorruptBlob
from z4tw.model.objects import EMPTY_BODY, Checksum, Version
from z4tw.ops.context import Context
from z4tw.ops.ingest import Footer, Make, Taken, gather, store_blob
from z4tw.ops.sources import SourceBody
from z4tw.payload import Digests
from z4tw.sse.seal import Seal
from z4tw.threads import InOrder

T = TypeVar("T")


class Original(NamedTuple):
    """The bytes to be written again: ``length`` bytes of a version at ``offset``; ``customer_key``
    opens them, where that takes one."""

    version: Version
    offset: int
    length: int
    customer_key: bytes = b""


class Copy(NamedTuple):
    """Where they go: the bucket and key that the new blob is filed under, how it is sealed, and the
    checksum that is computed of it."""

    bucket: str
    key: str
    seal: Seal
    algorithm: str


async def rewrite(
    context: Context, original: Original, copy: Copy, make: Make[T], footer: Footer[T]
) -> Taken[T]:
    """The bytes as a new FILE body, from which ``make`` makes a version or part. Raises
    ``BodyGone``, ``CorruptBlob``, ``InsufficientStorage``."""
    digests = Digests(copy.algorithm, None, False, None, None)
    verified = partial(_verified, digests, original.length)
    if not original.length:
        return Taken(make(EMPTY_BODY, *verified(0)))
    source = await SourceBody.open(
        context, original.version, original.offset, original.length, original.customer_key
    )
    try:
        writer = context.blobs.writer(
            copy.bucket, copy.key.encode("utf-8"), original.length, copy.seal
        )
        return await store_blob(
            writer,
            gather(source.read, context.blobs),
            InOrder(context.offload, _each(digests.update_etag)).run,
            partial(context.offload.run, _each(digests.update_others)),
            verified,
            make,
            footer,
        )
    finally:
        source.close()


def _verified(digests: Digests, length: int, size: int) -> tuple[str, Checksum | None]:
    if size != length:
        raise CorruptBlob("a copy's source gave another number of bytes")
    digests.finish({})
    return digests.etag, digests.checksum


def _each(update: Callable[[bytes], None]) -> Callable[[list[bytes]], list[bytes]]:
    def work(pieces: list[bytes]) -> list[bytes]:
        for data in pieces:
            update(data)
        return pieces

    return work
