"""The stored form of inline bodies: a digest, and encryption when the store has keys (pure).

Specification: doc/spec/blob.rst, "Inline bodies".
"""

from __future__ import annotations

import os
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from xxhash import xxh3_64_digest

from z4tw.errors import CorruptBlob, CustomerKeyNeeded, WrongMasterKey
from z4tw.sse.customer import SALT_BYTES, body_key
from z4tw.sse.envelope import Envelope
from z4tw.sse.seal import BY_DEFAULT, Seal

_PLAIN = b"\x00"
_SEALED = b"\x01"
_CUSTOMER = b"\x02"
_NONCE = bytes(12)  # the key serves one body
_HEAD_BYTES = 9
_MASK = (1 << 64) - 1


def seal_inline(
    id: bytes,
    data: bytes,
    envelope: Envelope | None,
    seal: Seal = BY_DEFAULT,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """The stored form of a small body: 9 bytes longer, 45 when sealed, 57 with a customer's key."""
    form, content = _PLAIN, data
    if seal.customer_key:
        salt = random_bytes(SALT_BYTES)
        aead = AESGCM(body_key(seal.customer_key, salt, id))
        form, content = _CUSTOMER, salt + aead.encrypt(_NONCE, data, b"z4i2" + id)
    elif (sealing := seal.sealing(envelope)) is not None:
        form, content = _SEALED, sealing.seal_small(id, data, seal.key_name)
    return b"".join((form, _digest(id, form, content), content))


def open_inline(
    id: bytes, stored: bytes, size: int, envelope: Envelope | None, customer_key: bytes = b""
) -> bytes:
    """The ``size`` bytes of a stored inline body. Raises ``CorruptBlob``; once its digest was found
    right, ``WrongMasterKey`` or ``CustomerKeyNeeded`` when it is sealed and its key is not here."""
    data = stored[_HEAD_BYTES:]
    form = stored[:1]
    if form not in (_PLAIN, _SEALED, _CUSTOMER):
        raise CorruptBlob("an inline body has an unknown form")
    if _digest(id, form, data) != stored[1:_HEAD_BYTES]:
        raise CorruptBlob("an inline body does not match its digest")
    if form == _SEALED:
        if envelope is None:
            raise WrongMasterKey("an inline body is encrypted and the store has no keys")
        data = envelope.open_small(id, data)
    elif form == _CUSTOMER:
        data = _open_customers(id, data, customer_key)
    if len(data) != size:
        raise CorruptBlob("an inline body has a wrong length")
    return data


def _open_customers(id: bytes, data: bytes, customer_key: bytes) -> bytes:
    if not customer_key:
        raise CustomerKeyNeeded("an inline body is encrypted with a key of its customer")
    aead = AESGCM(body_key(customer_key, data[:SALT_BYTES], id))
    try:
        return aead.decrypt(_NONCE, data[SALT_BYTES:], b"z4i2" + id)
    except (InvalidTag, ValueError):
        raise CorruptBlob("an inline body fails its authentication") from None


def _digest(id: bytes, form: bytes, content: bytes) -> bytes:
    seed = int.from_bytes(id[8:], "big") + form[0]
    return xxh3_64_digest(content, seed & _MASK)
