"""Continuation tokens: opaque to clients, checked when they come back."""

from __future__ import annotations

import base64
import binascii
import hmac
from hashlib import blake2b

from z4tw.errors import InvalidArgument

_CHECK_BYTES = 8
_LONGEST = 2048
_DAMAGED = "The continuation token provided is incorrect"


def pack_token(listing: str, scope: bytes, position: bytes) -> str:
    """The token of a page of ``listing`` (``objects``, ``buckets``) that ends at ``position``.

    ``scope`` is what the token is good for (the bucket's incarnation): elsewhere it is refused.
    The check finds mistakes, not attacks: a position is nothing that its holder could not name.
    """
    return base64.urlsafe_b64encode(_check(listing, scope, position) + position).decode("ascii")


def unpack_token(listing: str, scope: bytes, token: str) -> bytes:
    """The position of a token. Raises ``InvalidArgument`` for what is none of this listing."""
    try:
        if len(token) > _LONGEST:
            raise ValueError
        data = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise _refused(token) from None
    check, position = data[:_CHECK_BYTES], data[_CHECK_BYTES:]
    if not hmac.compare_digest(check, _check(listing, scope, position)):
        raise _refused(token)
    return position


def _check(listing: str, scope: bytes, position: bytes) -> bytes:
    person = listing.encode("ascii")
    return blake2b(position, digest_size=_CHECK_BYTES, key=scope[:64], person=person).digest()


def _refused(token: str) -> InvalidArgument:
    return InvalidArgument(
        _DAMAGED, ArgumentName="continuation-token", ArgumentValue=token[:_LONGEST]
    )
