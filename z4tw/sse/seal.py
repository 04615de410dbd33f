"""How a new body is to be sealed, and how the data key of a blob is found again.

The sealed forms of data keys are fixed in ``doc/spec/blob.rst``, "The sealed key".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from z4tw.errors import CorruptBlob, CustomerKeyNeeded, WrongMasterKey
from z4tw.sse.customer import SALT_BYTES, body_key
from z4tw.sse.envelope import Envelope
from z4tw.sse.segments import SegmentCipher

_CUSTOMER = b"\x02"
_RECORD_AT = 1 + SALT_BYTES


class Seal(NamedTuple):
    """The wish for a new body: sealed under the named key (``key_name`` empty: the store's own
    key), or with a customer's key of 32 bytes. ``demanded`` False: only if the store seals
    everything."""

    key_name: str = ""
    demanded: bool = False
    customer_key: bytes = b""

    def sealing(self, envelope: Envelope | None) -> Envelope | None:
        """The store's keys if they seal the body, else None. Raises ``WrongMasterKey`` when that
        is demanded and there are none."""
        if envelope is not None and (envelope.seals if self.demanded else envelope.seals_all):
            return envelope
        if self.demanded:
            raise WrongMasterKey("a body is to be encrypted and the store has no keys")
        return None


BY_DEFAULT = Seal()
"""Sealed with the store's key if the store seals everything."""


class BlobCiphers(NamedTuple):
    """What seals a blob: None for what stays as it is. ``sealed_key`` goes into its footer and its
    row."""

    blocks: SegmentCipher | None
    record: SegmentCipher | None
    sealed_key: bytes


_PLAIN = BlobCiphers(None, None, b"")


def new_ciphers(
    blob_id: bytes, seal: Seal, envelope: Envelope | None, random_bytes: Callable[[int], bytes]
) -> BlobCiphers:
    """The ciphers of a new blob. With a customer's key the record is sealed with the store's keys
    alone (it is needed to rebuild an index), or not at all where the store does not seal."""
    if seal.customer_key:
        salt = random_bytes(SALT_BYTES)
        blocks = SegmentCipher(body_key(seal.customer_key, salt, blob_id), blob_id)
        if envelope is None or not envelope.seals_all:
            return BlobCiphers(blocks, None, _CUSTOMER + salt)
        record_key, sealed = envelope.new_data_key(blob_id)
        return BlobCiphers(blocks, SegmentCipher(record_key, blob_id), _CUSTOMER + salt + sealed)
    sealing = seal.sealing(envelope)
    if sealing is None:
        return _PLAIN
    data_key, sealed = sealing.new_data_key(blob_id, seal.key_name)
    cipher = SegmentCipher(data_key, blob_id)
    return BlobCiphers(cipher, cipher, sealed)


def blocks_cipher(
    blob_id: bytes, sealed_key: bytes, envelope: Envelope | None, customer_key: bytes
) -> SegmentCipher | None:
    """What opens the blocks of a blob, None when they are not sealed. Raises ``CustomerKeyNeeded``,
    ``WrongMasterKey``, ``CorruptBlob``; a wrong customer's key shows with the first block."""
    if not sealed_key:
        return None
    if sealed_key[:1] == _CUSTOMER:
        if not customer_key:
            raise CustomerKeyNeeded("a blob is encrypted with a key of its customer")
        return SegmentCipher(body_key(customer_key, _salt(sealed_key), blob_id), blob_id)
    return SegmentCipher(_unsealed(blob_id, sealed_key, envelope), blob_id)


def record_cipher(
    blob_id: bytes, sealed_key: bytes, envelope: Envelope | None
) -> SegmentCipher | None:
    """What opens a blob's record, None when it is not sealed. Raises as ``blocks_cipher``."""
    sealed = kek_sealed(sealed_key)
    return SegmentCipher(_unsealed(blob_id, sealed, envelope), blob_id) if sealed else None


def kek_sealed(sealed_key: bytes) -> bytes:
    """The part of a sealed key that the store's own keys have sealed, empty when there is none."""
    return sealed_key[_RECORD_AT:] if sealed_key[:1] == _CUSTOMER else sealed_key


def _salt(sealed_key: bytes) -> bytes:
    salt = sealed_key[1:_RECORD_AT]
    if len(salt) != SALT_BYTES:
        raise CorruptBlob("the salt of a customer's key is cut off")
    return salt


def _unsealed(blob_id: bytes, sealed: bytes, envelope: Envelope | None) -> bytes:
    if envelope is None:
        raise WrongMasterKey("a blob is encrypted and the store has no keys")
    return envelope.data_key(blob_id, sealed)
