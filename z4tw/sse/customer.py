"""Keys that come with each request (SSE-C): what is derived from them, and the check of them.

HKDF with SHA-256 (RFC 5869) makes of the customer's key and a random salt a key for one body, and
a verifier, which tells whether a key is the right one and helps nobody to find it. The key itself
is stored nowhere. https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
"""

from __future__ import annotations

import hmac

SALT_BYTES = 32
"""Length of the random salts here."""


def hkdf(key: bytes, salt: bytes, purpose: bytes) -> bytes:
    """32 bytes for one purpose: HKDF's extract step, and its expand step for one block."""
    return hmac.digest(hmac.digest(salt, key, "sha256"), purpose + b"\x01", "sha256")


def body_key(customer_key: bytes, salt: bytes, id: bytes) -> bytes:
    """The data key of the body with an id."""
    return hkdf(customer_key, salt, b"z4tw customer body key" + id)


def verifier(customer_key: bytes, salt: bytes) -> bytes:
    """What is stored to recognize a customer's key."""
    return hkdf(customer_key, salt, b"z4tw customer key verifier")


def is_right_key(customer_key: bytes, salt: bytes, stored: bytes) -> bool:
    """Whether a key is the one that a stored verifier was made of; takes the same time either
    way."""
    return hmac.compare_digest(verifier(customer_key, salt), stored)
