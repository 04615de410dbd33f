"""Encryption at rest: authenticated segments, and the envelope of keys around them (L1).

The formats are fixed in ``doc/spec/blob.rst``.
"""

from z4tw.sse.envelope import KEY_BYTES, Envelope, key_id
from z4tw.sse.segments import SEGMENT_BYTES, TAG_BYTES, SegmentCipher

__all__ = ["KEY_BYTES", "SEGMENT_BYTES", "TAG_BYTES", "Envelope", "SegmentCipher", "key_id"]
