"""Which encryption a request gets, and the keys that open what it reads.

What a write is encrypted with: what its headers say, else what its bucket's configuration says,
else the store's own key if the store encrypts everything. Nothing claims to be encrypted that is
not. https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import NamedTuple

from z4tw import errors
from z4tw.errors import (
    AccessDenied,
    InvalidRequest,
    KMSDisabledException,
    KMSNotFoundException,
)
from z4tw.interfaces.http import RequestHead
from z4tw.model.control import Bucket
from z4tw.model.objects import SSE_C, SSE_KMS, SSE_S3, Encryption, Version
from z4tw.ops.context import Context
from z4tw.s3.encryption import (
    BUCKET_KEY,
    CUSTOMER,
    CUSTOMER_ALGORITHM,
    CUSTOMER_MD5,
    KMS_CONTEXT,
    KMS_KEY,
    SSE,
    Wish,
    key_arn,
    key_md5,
    key_name,
    parse_bucket_key,
    parse_customer_key,
    parse_wish,
)
from z4tw.s3.encryption_xml import EncryptionRule, parse_encryption
from z4tw.sse.customer import SALT_BYTES, is_right_key, verifier
from z4tw.sse.envelope import Envelope
from z4tw.sse.seal import BY_DEFAULT, Seal

CONFIGURATION = "encryption"
"""The name of a bucket's configuration document."""
_STORE_DEFAULT = Encryption(SSE_S3)


class Chosen(NamedTuple):
    """What a write is encrypted with: what its version records, how its bytes are sealed, and
    whether the request's headers asked for it."""

    encryption: Encryption | None = None
    seal: Seal = BY_DEFAULT
    explicit: bool = False


_NOTHING = Chosen()
_DEFAULT = Chosen(_STORE_DEFAULT)


def choose(context: Context) -> Chosen:
    """The encryption of what the request writes.

    Raises ``InvalidArgument`` and ``InvalidRequest`` for headers that make no sense,
    ``AccessDenied`` for a method that the bucket blocks, ``NotImplemented`` where the store has no
    keys,
    ``KMS.NotFoundException``, ``KMS.DisabledException``.
    """
    headers = context.call.headers
    bucket = context.require_bucket()
    rule = bucket_rule(bucket)
    customer_key = customer_key_of(context)
    if customer_key:
        if rule is not None and rule.blocks_customer_keys:
            raise AccessDenied(
                "This bucket blocks objects that are encrypted with customer provided keys (SSE-C)."
            )
        salt = context.random_bytes(SALT_BYTES)
        encryption = Encryption(SSE_C, salt=salt, verifier=verifier(customer_key, salt))
        return Chosen(encryption, Seal(customer_key=customer_key), True)
    wish = parse_wish(headers)
    explicit = wish is not None
    if wish is None and rule is not None:
        wish = rule.wish
        asked = parse_bucket_key(headers)
        if wish is not None and asked is not None:
            wish = wish._replace(bucket_key=asked)
    keys = context.blobs.keys
    if wish is None:
        return _by_itself(keys)
    if explicit and wish.bucket_key is None and rule is not None and rule.wish is not None:
        wish = wish._replace(bucket_key=rule.wish.bucket_key)
    return fulfil(keys, wish, context.settings.region, explicit)


def by_default(keys: Envelope | None, bucket: Bucket, region: str) -> Chosen:
    """The encryption of what the server itself writes into a bucket. Raises as ``choose``."""
    rule = bucket_rule(bucket)
    if rule is None or rule.wish is None:
        return _by_itself(keys)
    return fulfil(keys, rule.wish, region)


def _by_itself(keys: Envelope | None) -> Chosen:
    return _DEFAULT if keys is not None and keys.seals_all else _NOTHING


def fulfil(keys: Envelope | None, wish: Wish, region: str, explicit: bool = False) -> Chosen:
    """What a wish for the server's encryption comes to. Raises as ``choose``."""
    name = ""
    if wish.method == SSE_KMS:
        name = usable_key(keys, wish.key_id, region)
    require_keys(keys)
    bucket_key = wish.method == SSE_KMS and bool(wish.bucket_key)
    encryption = Encryption(wish.method, name, wish.context, bucket_key)
    return Chosen(encryption, Seal(name, demanded=True), explicit)


def require_keys(keys: Envelope | None) -> None:
    """Raise ``NotImplemented`` unless the store has keys to encrypt with."""
    if keys is None or not keys.seals:
        raise errors.NotImplemented(
            "Server side encryption needs a master key, which this server does not have: start it "
            "with Z4_ENCRYPTION_KEY or another keyring."
        )


def usable_key(keys: Envelope | None, key_id: str, region: str) -> str:
    """The name of the key that a request names, which may be used. Raises
    ``KMS.NotFoundException``, ``KMS.DisabledException``, ``NotImplemented``."""
    require_keys(keys)
    name = key_name(key_id, region)
    if name is None:
        raise KMSNotFoundException(f"Key '{key_id[:256]}' does not exist")
    check_key(keys, name, region)
    return name


def check_key(keys: Envelope | None, name: str, region: str) -> None:
    """Raise ``KMS.NotFoundException`` or ``KMS.DisabledException`` unless a key of the keyring may
    be used (empty: the store's own, which always may)."""
    if not name:
        return
    key = None if keys is None else keys.named(name)
    arn = key_arn(name, region)
    if key is None:
        raise KMSNotFoundException(f"Key '{arn}' does not exist")
    if not key.enabled:
        raise KMSDisabledException(f"{arn} is disabled.")


def customer_key_of(context: Context, prefix: str = CUSTOMER) -> bytes:
    """The customer's key that the request brings (``COPY_CUSTOMER``: for the source of a copy),
    empty when it brings none. Raises ``InvalidRequest`` for one that comes in a URL, or over a
    connection that others can read; and as ``parse_customer_key``."""
    headers = context.call.headers
    if f"{prefix}algorithm" not in headers and f"{prefix}key" not in headers:
        return parse_customer_key(headers, prefix) if f"{prefix}key-md5" in headers else b""
    if f"{prefix}key" in headers and f"{prefix}key" not in context.head.headers:
        raise InvalidRequest("A customer provided key must not be part of a URL.")
    if not (context.head.secure or _is_loopback(context.head)):
        raise InvalidRequest(
            "Requests specifying Server Side Encryption with Customer provided keys must be made "
            "over a secure connection."
        )
    return parse_customer_key(headers, prefix)


def _is_loopback(head: RequestHead) -> bool:
    try:
        return ipaddress.ip_address(head.peer.partition("%")[0]).is_loopback
    except ValueError:
        return False


def unlock(context: Context, encryption: Encryption | None, prefix: str = CUSTOMER) -> bytes:
    """The customer's key that opens a version, empty for a version that needs none; checks before
    any byte is read that the version may be opened.

    Raises ``InvalidRequest`` for a key that is missing or not needed, ``AccessDenied`` for a wrong
    one, ``KMS.NotFoundException``, ``KMS.DisabledException``.
    """
    key = customer_key_of(context, prefix)
    if encryption is None or encryption.method != SSE_C:
        if key:
            raise InvalidRequest("The encryption parameters are not applicable to this object.")
        if encryption is not None:
            check_key(context.blobs.keys, encryption.key, context.settings.region)
        return b""
    if not key:
        raise InvalidRequest(
            "The object was stored using a form of Server Side Encryption. The correct parameters "
            "must be provided to retrieve the object."
        )
    if not is_right_key(key, encryption.salt, encryption.verifier):
        raise AccessDenied(
            "Requests specifying Server Side Encryption with Customer provided keys must provide "
            "the correct secret key."
        )
    return key


def opens(context: Context, version: Version, prefix: str = CUSTOMER) -> bytes:
    """``unlock`` for what is read often: quick for a version that needs no key."""
    encryption = version.encryption
    if encryption is None or (encryption.method == SSE_S3 and not encryption.key):
        headers = context.call.headers
        if f"{prefix}algorithm" not in headers and f"{prefix}key" not in headers:
            return b""
    return unlock(context, encryption, prefix)


def seal_of(version: Version) -> Seal:
    """How more bytes of a version are sealed that the server's keys encrypt."""
    encryption = version.encryption
    return BY_DEFAULT if encryption is None else Seal(encryption.key, demanded=True)


def upload_seal(context: Context, encryption: Encryption | None) -> Seal:
    """How the parts of an upload are sealed. Raises ``InvalidRequest`` unless a part brings the
    customer's key that the upload was made with."""
    key = customer_key_of(context)
    if encryption is None:
        seal = BY_DEFAULT
    elif encryption.method == SSE_C:
        if not key:
            raise InvalidRequest(
                "The multipart upload initiate requested encryption. Subsequent part requests must "
                "include the appropriate encryption parameters."
            )
        if not is_right_key(key, encryption.salt, encryption.verifier):
            raise InvalidRequest(
                "The provided encryption parameters did not match the ones used originally."
            )
        return Seal(customer_key=key)
    else:
        keys = context.blobs.keys
        check_key(keys, encryption.key, context.settings.region)
        require_keys(keys)
        seal = Seal(encryption.key, demanded=True)
    if key:
        raise InvalidRequest(
            "The multipart upload initiate did not request encryption with a customer provided "
            "key. Part requests must not include one."
        )
    return seal


def seal_beside(encryption: Encryption | None) -> Seal:
    """How a text that belongs to a version is sealed: as its bytes are, but with a customer's key,
    which does not come with the text, as the store does by itself."""
    if encryption is None or encryption.method == SSE_C:
        return BY_DEFAULT
    return Seal(encryption.key, demanded=True)


def unlock_upload(context: Context, encryption: Encryption | None) -> None:
    """Check the customer's key that comes with a request about a whole upload; it may be left out,
    since no byte is read. Raises as ``upload_seal``."""
    if customer_key_of(context):
        upload_seal(context, encryption)


def same_bytes(source: Encryption | None, wanted: Encryption | None, customer_key: bytes) -> bool:
    """Whether a copy with the encryption ``wanted`` may share the bytes of its source.
    ``customer_key`` is the one that the copy is to have."""
    if source is None or wanted is None:
        return source is wanted
    if source.method == SSE_C or wanted.method == SSE_C:
        return source.method == wanted.method and is_right_key(
            customer_key, source.salt, source.verifier
        )
    return source.key == wanted.key


def encryption_headers(
    context: Context, encryption: Encryption | None, written: bool = False
) -> list[tuple[str, str]]:
    """What an answer says of a version's encryption; ``written``: the answer to a write, which
    repeats the context too."""
    if encryption is None:
        return []
    if encryption.method == SSE_C:
        key = parse_customer_key(context.call.headers)
        return [(CUSTOMER_ALGORITHM, SSE_S3), (CUSTOMER_MD5, key_md5(key))] if key else []
    answer = [(SSE, encryption.method)]
    if encryption.method == SSE_KMS:
        answer.append((KMS_KEY, key_arn(encryption.key, context.settings.region)))
        if encryption.bucket_key:
            answer.append((BUCKET_KEY, "true"))
        if written and encryption.context:
            answer.append((KMS_CONTEXT, encryption.context))
    return answer


def new_etag(context: Context, encryption: Encryption | None, digest: str) -> str:
    """The ETag of new bytes: the MD5 of them, but with a customer's key a random one, which tells
    nothing of them."""
    if encryption is not None and encryption.method == SSE_C:
        return context.random_bytes(16).hex()
    return digest


def bucket_rule(bucket: Bucket) -> EncryptionRule | None:
    """What the bucket's configuration says of encryption."""
    document = bucket.configurations.get(CONFIGURATION)
    return None if document is None else _parsed(document)


@lru_cache(maxsize=256)
def _parsed(document: bytes) -> EncryptionRule:
    return parse_encryption(document)
