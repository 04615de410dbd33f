"""Reading a request body that is a document: bounded, decoded and verified, whole in memory."""

from __future__ import annotations

from z4tw.errors import MaxMessageLengthExceeded
from z4tw.ops.context import Context
from z4tw.payload import Digests, make_decoder


async def read_document(context: Context, limit_bytes: int | None = None) -> bytes:
    """The whole body of a request that carries XML (or nothing).

    Decodes aws-chunked framing, verifies chunk signatures, the payload hash, Content-MD5 and
    declared checksums before anything is returned. ``limit_bytes`` is by default the setting's.
    Raises ``MaxMessageLengthExceeded`` above it, before reading when the length is declared.
    """
    limit = context.settings.max_document_bytes if limit_bytes is None else limit_bytes
    head = context.head
    decoder = make_decoder(head, context.verified)
    declared = head.content_length if decoder.decoded_length is None else decoder.decoded_length
    if declared is not None and declared > limit:
        raise too_large(limit)
    digests = Digests.plan(
        head.headers,
        context.call.query,
        decoder.trailer_names,
        decoder.sha256_needed,
    )
    pieces: list[bytes] = []
    size = 0
    body = context.exchange.body
    while data := await body.read():
        piece = decoder.feed(data)
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        digests.update(piece)
        pieces.append(piece)
    decoder.finish()
    digests.finish(decoder.trailers)
    return b"".join(pieces)


def too_large(limit: int) -> MaxMessageLengthExceeded:
    """The refusal of a document above its limit."""
    return MaxMessageLengthExceeded(MaxMessageLengthBytes=str(limit))
