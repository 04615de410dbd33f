"""The envelope: the store's key-encryption keys (KEKs) around the data key of each blob."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from z4tw.errors import CorruptBlob, WrongMasterKey

KEY_BYTES = 32
"""Length of every key here: AES-256."""
KEY_ID_BYTES = 8
NONCE_BYTES = 12

_VERSION = b"\x01"
_SEALED_KEY_BYTES = 1 + KEY_ID_BYTES + NONCE_BYTES + KEY_BYTES + 16


def derive(key: bytes, purpose: bytes) -> bytes:
    """A 32-byte key for one purpose: the expand step of HKDF with SHA-256 (RFC 5869 section 2.3)
    for one block, from a key that is uniformly random already."""
    return hmac.digest(key, purpose + b"\x01", "sha256")


def key_id(key: bytes) -> bytes:
    """The 8-byte id of a key, derived from it: also the check that an unwrapped key is right."""
    return derive(key, b"z4tw key id")[:KEY_ID_BYTES]


class NamedKey(NamedTuple):
    """A key that requests ask for by its name: the id of the key-encryption key that seals now,
    and whether it may be used."""

    kek_id: bytes
    enabled: bool


class Envelope:
    """Makes, seals and unseals data keys, and seals small bodies outright.

    ``keks`` are all key-encryption keys (32 bytes each), ``active`` the id of the one that seals
    new blobs; None: nothing new is sealed, what is sealed can still be read. ``seals_all`` False:
    only what is to be sealed explicitly is. ``named`` are the keys that requests may name.
    ``random_bytes`` must be cryptographically secure. Safe to use from several threads. Raises
    ``ValueError`` when ``active`` is not among the keys.
    """

    def __init__(
        self,
        keks: tuple[bytes, ...],
        active: bytes | None,
        random_bytes: Callable[[int], bytes],
        *,
        named: Mapping[str, NamedKey] | None = None,
        seals_all: bool = True,
    ) -> None:
        if any(len(kek) != KEY_BYTES for kek in keks):
            raise ValueError(f"a key-encryption key has {KEY_BYTES} bytes")
        self._keks: Mapping[bytes, bytes] = {key_id(kek): kek for kek in keks}
        if active is not None and active not in self._keks:
            raise ValueError("the active key is not among the key-encryption keys")
        self._active = active
        self._named = dict(named or {})
        self._random_bytes = random_bytes
        self.seals = active is not None
        """Whether new bodies can be sealed."""
        self.seals_all = self.seals and seals_all
        """Whether all new bodies are sealed."""

    def named(self, name: str) -> NamedKey | None:
        """The key of a name, None when there is none."""
        return self._named.get(name)

    @property
    def key_ids(self) -> tuple[bytes, ...]:
        """The ids of all key-encryption keys."""
        return tuple(self._keks)

    def new_data_key(self, blob_id: bytes, name: str = "") -> tuple[bytes, bytes]:
        """A fresh data key for a blob, and its sealed form (69 bytes) under the key of a name
        (empty: the active key)."""
        data_key = self._random_bytes(KEY_BYTES)
        return data_key, self._seal_data_key(blob_id, data_key, name)

    def _seal_data_key(self, blob_id: bytes, data_key: bytes, name: str) -> bytes:
        id, kek = self._sealing_key(name)
        nonce = self._random_bytes(NONCE_BYTES)
        head = _VERSION + id
        wrapping = AESGCM(derive(kek, b"z4tw blob key" + blob_id))
        return head + nonce + wrapping.encrypt(nonce, data_key, head + blob_id)

    def data_key(self, blob_id: bytes, sealed: bytes) -> bytes:
        """The data key of a blob. Raises ``CorruptBlob`` when the sealed form is damaged or belongs
        to another blob, ``WrongMasterKey`` when its key-encryption key is not here."""
        if len(sealed) != _SEALED_KEY_BYTES or sealed[:1] != _VERSION:
            raise CorruptBlob("the sealed data key has an unknown form")
        head, nonce, wrapped = sealed[:9], sealed[9:21], sealed[21:]
        wrapping = AESGCM(derive(self._kek(head[1:]), b"z4tw blob key" + blob_id))
        try:
            return wrapping.decrypt(nonce, wrapped, head + blob_id)
        except InvalidTag:
            raise CorruptBlob("the sealed data key fails its authentication") from None

    def rewrap(self, blob_id: bytes, sealed: bytes, name: str = "") -> bytes:
        """The same data key, sealed under the key of a name. Raises as ``data_key``."""
        return self._seal_data_key(blob_id, self.data_key(blob_id, sealed), name)

    def seal_small(self, blob_id: bytes, data: bytes, name: str = "") -> bytes:
        """A small body, sealed under a key derived for its id; 36 bytes longer."""
        active, kek = self._sealing_key(name)
        nonce = self._random_bytes(NONCE_BYTES)
        aead = AESGCM(derive(kek, b"z4tw inline key" + blob_id))
        return active + nonce + aead.encrypt(nonce, data, b"z4i1" + blob_id)

    def open_small(self, blob_id: bytes, stored: bytes) -> bytes:
        """The small body again. Raises ``CorruptBlob``, ``WrongMasterKey``."""
        aead = AESGCM(derive(self._kek(stored[:8]), b"z4tw inline key" + blob_id))
        try:
            return aead.decrypt(stored[8:20], stored[20:], b"z4i1" + blob_id)
        except (InvalidTag, ValueError):
            raise CorruptBlob("an inline body fails its authentication") from None

    def _sealing_key(self, name: str) -> tuple[bytes, bytes]:
        if self._active is None:
            raise ValueError("this envelope only opens")
        id = self._named[name].kek_id if name else self._active
        return id, self._keks[id]

    def _kek(self, kek_id: bytes) -> bytes:
        kek = self._keks.get(kek_id)
        if kek is None:
            raise WrongMasterKey(
                f"the key-encryption key {kek_id.hex()} of a blob is not in the store's keyring"
            )
        return kek
