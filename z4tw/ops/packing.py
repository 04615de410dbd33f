"""Rewriting stored bodies in their packed form: new blobs beside the old ones, durable when this
returns, which nothing names yet.

A body is given up as incompressible early, by its first frames, or at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from z4tw.model.objects import BlobInfo
from z4tw.packed.stream import FRAME_BYTES, Packer
from z4tw.sse.seal import BY_DEFAULT, Seal

WORTH = 0.95
"""A packed form above this part of the bytes' length is not worth it."""
SAMPLE_BYTES = 4 * FRAME_BYTES


async def pack_blob(
    blobs: Any,
    offload: Any,
    blob: BlobInfo,
    level: int,
    bucket: str,
    key: bytes,
    footer: Callable[[bytes], bytes],
    seal: Seal = BY_DEFAULT,
) -> BlobInfo | None:
    """The packed form of a blob as a new blob, filed under a bucket and key and sealed as ``seal``
    says; None when it is not worth it. ``footer`` makes the footer record from the new blob's id.

    Raises ``CorruptBlob``, ``FileNotFoundError``, ``InsufficientStorage``, ``OSError``.
    """
    source = await blobs.open(blob, 0, blob.size)
    try:
        writer = blobs.writer(bucket, key, None, seal)
        try:
            packed = await _pack(source, writer, offload, Packer(level), blob.size)
            if packed is None:
                writer.abort()
                return None
            stored: BlobInfo = await writer.commit(footer(writer.id), blob.size)
            return stored
        except BaseException:
            writer.abort()
            raise
    finally:
        source.close()


async def _pack(source: Any, writer: Any, offload: Any, packer: Packer, size: int) -> int | None:
    """Write the packed form; its length, None when it is not worth it."""
    sampled = False
    while piece := await source.next():
        await writer.write(*await offload.run(packer.feed, piece))
        if not sampled and packer.unpacked >= SAMPLE_BYTES:
            sampled = True
            if packer.packed > packer.unpacked * WORTH:
                return None
    await writer.write(*await offload.run(packer.finish))
    return packer.packed if packer.packed <= size * WORTH else None
