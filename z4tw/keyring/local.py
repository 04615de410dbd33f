"""The built-in keyring: master keys from the environment or a key file.

``Z4_ENCRYPTION_KEY`` holds one or more keys of 32 bytes, as 64 hex digits or base64, separated by
commas or white space; a key file has one per line, with ``#`` comments. The first one wraps; the
others only unwrap, so that a master key can be replaced (then ``rewrap``, then drop the old one).
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from zope.interface import implementer

from z4tw.errors import WrongMasterKey
from z4tw.interfaces import IKeyring, IPluginFactory
from z4tw.sse.envelope import KEY_BYTES, key_id

ENVIRONMENT = "Z4_ENCRYPTION_KEY"
_VERSION = b"\x01"
_NONCE_BYTES = 12
_MAX_FILE_BYTES = 65_536


@implementer(IKeyring)
class LocalKeyring:
    """Wraps with the first of some master keys (32 bytes each), unwraps with any.

    Format of a wrapped key: ``doc/spec/blob.rst``. Its methods never wait. Raises ``ValueError``
    without a key.
    """

    def __init__(self, master_keys: Sequence[bytes], random_bytes: Callable[[int], bytes]) -> None:
        if not master_keys or any(len(key) != KEY_BYTES for key in master_keys):
            raise ValueError(f"a keyring needs at least one master key of {KEY_BYTES} bytes")
        self._keys = {key_id(key): key for key in master_keys}
        self._active = key_id(master_keys[0])
        self._random_bytes = random_bytes
        self.key_id = self._active.hex()

    async def wrap(self, key: bytes, context: Mapping[str, str]) -> bytes:
        """A 32-byte key, wrapped."""
        nonce = self._random_bytes(_NONCE_BYTES)
        sealed = AESGCM(self._keys[self._active]).encrypt(nonce, key, bound_context(context))
        return _VERSION + self._active + nonce + sealed

    async def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """The key again. Raises ``WrongMasterKey``."""
        master = self._keys.get(wrapped[1:9])
        if wrapped[:1] != _VERSION or master is None:
            raise WrongMasterKey(
                f"a key was wrapped by master key {wrapped[1:9].hex()}, which is not given"
            )
        try:
            return AESGCM(master).decrypt(wrapped[9:21], wrapped[21:], bound_context(context))
        except (InvalidTag, ValueError):
            raise WrongMasterKey("a wrapped key does not fit its master key") from None


def bound_context(context: Mapping[str, str]) -> bytes:
    """The associated data of a wrapped key: the sorted context as ``name=value`` lines."""
    return "\n".join(f"{name}={value}" for name, value in sorted(context.items())).encode()


def parse_master_key(text: str) -> bytes:
    """A master key from 64 hex digits or base64. Raises ``ValueError`` that does not quote it."""
    try:
        if len(text) == 2 * KEY_BYTES:
            return bytes.fromhex(text)
        padded = text + "=" * (-len(text) % 4)
        key = base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError("a master key is 32 bytes, written as 64 hex digits or as base64")
    return key


def parse_master_keys(text: str) -> list[bytes]:
    """All keys of an environment value or of a key file, in order. Raises ``ValueError``."""
    words: list[str] = []
    for line in text.splitlines():
        words.extend(line.partition("#")[0].replace(",", " ").split())
    return [parse_master_key(word) for word in words]


def read_key_file(path: str) -> list[bytes]:
    """The keys of a key file. Raises ``ValueError`` with one line when it cannot be read, holds no
    key, or when others may read it."""
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_MAX_FILE_BYTES)
    except OSError as error:
        raise ValueError(f"the key file {path} cannot be read: {error.strerror}") from error
    if mode & 0o007:
        raise ValueError(f"the key file {path} is open to everybody: chmod 600 it")
    keys = parse_master_keys(content.decode("ascii", "replace"))
    if not keys:
        raise ValueError(f"the key file {path} holds no key")
    return keys


@implementer(IPluginFactory)
class LocalKeyringFactory:
    """Makes the ``local`` keyring.

    Options: ``key-file``, the path of a key file; ``environment``, the name of the variable that
    holds the keys (``Z4_ENCRYPTION_KEY``) when there is no key file.
    """

    kind = "encryption"
    name = "local"

    def make(self, options: Mapping[str, str], ports: Any) -> LocalKeyring:
        """The keyring. Raises ``ValueError`` for an unknown option, and without a key."""
        unknown = sorted(set(options) - {"key-file", "environment"})
        if unknown:
            raise ValueError(f"encryption plugin local: unknown option {unknown[0]}")
        if "key-file" in options:
            keys = read_key_file(options["key-file"])
        else:
            variable = options.get("environment", ENVIRONMENT)
            keys = parse_master_keys(ports.environ.get(variable, ""))
            if not keys:
                raise ValueError(f"encryption plugin local: set {variable} or the option key-file")
        return LocalKeyring(keys, os.urandom)


local_keyring = LocalKeyringFactory()
