"""The stored form of inline bodies: a digest, and encryption when the store has keys (pure).

Specification: doc/spec/blob.rst, "Inline bodies".
"""

from __future__ import annotations

from xxhash import xxh3_64_digest

from z4tw.errors import CorruptBlob, WrongMasterKey
from z4tw.sse.envelope import Envelope

_PLAIN = b"\x00"
_SEALED = b"\x01"
_HEAD_BYTES = 9
_MASK = (1 << 64) - 1


def seal_inline(id: bytes, data: bytes, envelope: Envelope | None) -> bytes:
    """The stored form of a small body: 9 bytes longer, 45 when sealed."""
    seed = int.from_bytes(id[8:], "big")
    if envelope is None or not envelope.seals:
        return b"".join((_PLAIN, xxh3_64_digest(data, seed), data))
    sealed = envelope.seal_small(id, data)
    return b"".join((_SEALED, xxh3_64_digest(sealed, seed + 1 & _MASK), sealed))


def open_inline(id: bytes, stored: bytes, size: int, envelope: Envelope | None) -> bytes:
    """The ``size`` bytes of a stored inline body. Raises ``CorruptBlob``, or ``WrongMasterKey``
    when it is sealed and its key is not here."""
    data = stored[_HEAD_BYTES:]
    form = stored[:1]
    seed = int.from_bytes(id[8:], "big")
    if form != _PLAIN:
        if form != _SEALED:
            raise CorruptBlob("an inline body has an unknown form")
        seed = seed + 1 & _MASK
    if xxh3_64_digest(data, seed) != stored[1:_HEAD_BYTES]:
        raise CorruptBlob("an inline body does not match its digest")
    if form == _SEALED:
        if envelope is None:
            raise WrongMasterKey("an inline body is encrypted and the store has no keys")
        data = envelope.open_small(id, data)
    if len(data) != size:
        raise CorruptBlob("an inline body has a wrong length")
    return data
