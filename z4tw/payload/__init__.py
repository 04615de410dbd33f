"""Request payloads, pure: taking them out of their framing and checking their digests (L1)."""

from z4tw.payload.chunked import ChunkedDecoder
from z4tw.payload.decoder import ChunkSigner, Decoder, PlainDecoder, SignedBy, make_decoder
from z4tw.payload.digests import ALGORITHMS, Digests, RunningChecksum, checksum_of

__all__ = [
    "ALGORITHMS",
    "ChunkSigner",
    "ChunkedDecoder",
    "Decoder",
    "Digests",
    "PlainDecoder",
    "RunningChecksum",
    "SignedBy",
    "checksum_of",
    "make_decoder",
]
