"""Sealing of secret access keys with the control key (L2).

SigV4 needs the secret itself, so it cannot be stored as a hash; it is encrypted with a key that
lives beside the database, in a file that only the server's user can read.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from z4tw.errors import WrongMasterKey

CONTROL_KEY_BYTES = 32
_NONCE_BYTES = 12
_FORMAT = b"\x01"


class SecretSeal:
    """Wraps secrets for the database: AES-256-GCM with a random nonce, the access key id as
    associated data, so that a sealed secret moved to another key does not open.

    Stored form: one byte of format (1), 12 bytes of nonce, ciphertext and tag.
    """

    def __init__(self, control_key: bytes, random_bytes: Callable[[int], bytes]) -> None:
        if len(control_key) != CONTROL_KEY_BYTES:
            raise ValueError(f"a control key is {CONTROL_KEY_BYTES} bytes")
        self._control_key = control_key
        self._cipher = AESGCM(control_key)
        self._random_bytes = random_bytes

    def seal(self, access_key_id: str, secret: str) -> bytes:
        """The stored form of a secret."""
        nonce = self._random_bytes(_NONCE_BYTES)
        data = self._cipher.encrypt(nonce, secret.encode("utf-8"), access_key_id.encode("utf-8"))
        return _FORMAT + nonce + data

    def unseal(self, access_key_id: str, sealed: bytes) -> str:
        """The secret again. Raises ``WrongMasterKey`` when it was sealed by another control key,
        for another access key id, or is damaged."""
        nonce, data = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            if sealed[:1] != _FORMAT:
                raise InvalidTag
            secret = self._cipher.decrypt(nonce, data, access_key_id.encode("utf-8"))
        except (InvalidTag, ValueError):
            raise WrongMasterKey(
                f"the control key does not open the secret of access key {access_key_id}"
            ) from None
        return secret.decode("utf-8")

    def derive(self, purpose: bytes) -> bytes:
        """A 32-byte key for one purpose, the same in all processes of the store: the expand step
        of HKDF with SHA-256 (RFC 5869 section 2.3) for one block."""
        return hmac.digest(self._control_key, purpose + b"\x01", "sha256")
