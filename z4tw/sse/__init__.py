"""Encryption at rest: authenticated segments, and the envelope of keys around them (L1).

The formats are fixed in ``doc/spec/blob.rst``.
"""

from z4tw.sse.envelope import KEY_BYTES, Envelope, NamedKey, key_id
from z4tw.sse.seal import BY_DEFAULT, Seal
from z4tw.sse.segments import SEGMENT_BYTES, TAG_BYTES, SegmentCipher

__all__ = [
    "BY_DEFAULT",
    "KEY_BYTES",
    "SEGMENT_BYTES",
    "TAG_BYTES",
    "Envelope",
    "NamedKey",
    "Seal",
    "SegmentCipher",
    "key_id",
]
