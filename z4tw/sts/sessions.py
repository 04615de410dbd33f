"""Session tokens: what temporary credentials are, sealed so that only this store can read them.

Nothing about a session is stored: the token carries it, and the secret is derived from the
control key. A token is base64 of a nonce (12 bytes) and the AES-256-GCM encryption of a
``Session`` as MessagePack; ``doc/spec/session_token.rst`` has the details.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from z4tw.errors import InvalidToken

KEY_ID_PREFIX = "ZT4"
"""How the access key ids of temporary credentials begin; those of keys begin with ``Z4``."""
LONGEST_TOKEN = 8192

_KEY_ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_NONCE_BYTES = 12
_FORMAT = b"z4tw session 1"
_SECRET_CHARACTERS = 40


class Session(msgspec.Struct, frozen=True, array_like=True):
    """What temporary credentials stand for.

    ``key`` is the access key that asked for them and ``key_created_ms`` when it was made, so that
    another one with its id is not taken for it; ``user`` the id of whom they act as; ``name`` the
    session's name (empty: GetSessionToken); ``policy`` the session policy (empty: none).
    """

    access_key_id: str
    key: str
    key_created_ms: int
    user: str
    issued_s: int
    expires_s: int
    name: str = ""
    policy: bytes = b""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Session).decode


class SessionSeal:
    """Makes and opens session tokens.

    ``derive(purpose)`` gives 32-byte keys that all processes of the store share;
    ``random_bytes(n)`` is secure.
    """

    def __init__(
        self, derive: Callable[[bytes], bytes], random_bytes: Callable[[int], bytes]
    ) -> None:
        self._cipher = AESGCM(derive(b"z4tw session token"))
        self._secrets_key = derive(b"z4tw session secret")
        self._random_bytes = random_bytes

    def new_access_key_id(self) -> str:
        """20 characters: ``ZT4`` and 17 random ones of A-Z and 2-7."""
        random = self._random_bytes(17)
        return KEY_ID_PREFIX + "".join(_KEY_ID_ALPHABET[byte & 31] for byte in random)

    def secret(self, session: Session) -> str:
        """The secret access key of a session: 240 bits that its random key id decides on."""
        digest = hmac.digest(self._secrets_key, session.access_key_id.encode("ascii"), "sha256")
        return base64.urlsafe_b64encode(digest).decode("ascii")[:_SECRET_CHARACTERS]

    def seal(self, session: Session) -> str:
        """The token of a session."""
        nonce = self._random_bytes(_NONCE_BYTES)
        data = nonce + self._cipher.encrypt(nonce, _encode(session), _FORMAT)
        return base64.b64encode(data).decode("ascii")

    def open(self, token: str) -> Session:
        """The session of a token. Raises ``InvalidToken`` for one that this store did not make,
        or that was altered. Whether it has expired is not looked at."""
        try:
            if len(token) > LONGEST_TOKEN:
                raise ValueError
            data = base64.b64decode(token.encode("ascii"), validate=True)
            nonce = data[:_NONCE_BYTES]
            return _decode(self._cipher.decrypt(nonce, data[_NONCE_BYTES:], _FORMAT))
        except (ValueError, binascii.Error, InvalidTag, msgspec.DecodeError):
            raise InvalidToken() from None
