"""A blob's bytes as AES-256-GCM segments that cannot be exchanged, left out or cut off.

The construction is STREAM's: a counter and a final flag bound to each segment. Source: Hoang,
Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance" (2015), section 7.
"""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from z4tw.errors import CorruptBlob

SEGMENT_BYTES = 65_536
"""Plain bytes of a full segment."""
TAG_BYTES = 16
"""How much longer a stored segment is than its bytes."""

_RECORD_NONCE = b"\xff\xff\xff\xff" + bytes(8)


class SegmentCipher:
    """Seals and opens the segments of one blob under its own random data key.

    A data key serves one blob, so the segment's index is nonce enough. Safe to use from several
    threads.
    """

    __slots__ = ("_aead", "_prefix", "_record_data")

    def __init__(self, data_key: bytes, blob_id: bytes) -> None:
        self._aead = AESGCM(data_key)
        self._prefix = b"z4s1" + blob_id
        self._record_data = b"z4r1" + blob_id

    def seal(self, index: int, final: bool, data: Any) -> bytes:
        """The stored form of a segment: ``TAG_BYTES`` longer than ``data`` (bytes-like)."""
        bound = self._prefix + index.to_bytes(8, "big") + (b"\x01" if final else b"\x00")
        return self._aead.encrypt(index.to_bytes(12, "big"), data, bound)

    def open(self, index: int, final: bool, stored: Any) -> bytes:
        """The bytes of a stored segment. Raises ``CorruptBlob`` unless it is exactly the one that
        was sealed at this place of this blob."""
        bound = self._prefix + index.to_bytes(8, "big") + (b"\x01" if final else b"\x00")
        try:
            return self._aead.decrypt(index.to_bytes(12, "big"), stored, bound)
        except InvalidTag:
            raise CorruptBlob(f"segment {index} fails its authentication") from None

    def seal_record(self, record: bytes) -> bytes:
        """The stored form of the blob's record."""
        return self._aead.encrypt(_RECORD_NONCE, record, self._record_data)

    def open_record(self, stored: bytes) -> bytes:
        """The record again. Raises ``CorruptBlob``."""
        try:
            return self._aead.decrypt(_RECORD_NONCE, stored, self._record_data)
        except InvalidTag:
            raise CorruptBlob("the record fails its authentication") from None
