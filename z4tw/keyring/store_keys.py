"""The store's key-encryption keys: loaded or made at start, wrapped by the keyring.

File format: ``doc/spec/blob.rst``, "The key file". All functions block on one small file; they are
for start-up and for the command line.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec

from z4tw.errors import WrongMasterKey, Z4Error
from z4tw.interfaces import IKeyring, IRewrappingKeyring
from z4tw.sse.envelope import KEY_BYTES, Envelope, NamedKey, key_id

KEY_FILE = "_z4meta/keyring.json"
"""Where the wrapped keys are, relative to the data directory."""
_FORMAT = 1


class WrappedKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """One key-encryption key as stored: its own id and its master key's. ``name`` is what requests
    call it, empty for the store's own; of several keys of one name the last one seals."""

    id: str
    master: str
    wrapped: bytes  # base64 in JSON
    name: str = ""


class StoredKeys(msgspec.Struct, frozen=True, omit_defaults=True):
    """The content of the key file. ``active`` is the id of the store's own key that seals,
    ``disabled`` the names of keys that may not be used."""

    format: int
    active: str
    keys: tuple[WrappedKey, ...]
    disabled: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the named keys, sorted."""
        return tuple(sorted({key.name for key in self.keys if key.name}))


class KeyringChange(Z4Error):
    """The keyring cannot be changed as was wished; one line."""


async def open_store_keys(
    data_directory: str,
    keyring: IKeyring | None,
    random_bytes: Callable[[int], bytes],
    *,
    encrypt_new: bool = True,
    encrypt_all: bool = True,
) -> Envelope | None:
    """The envelope of a store, or None for a store that was never encrypted and has no keyring.

    With a keyring the first start makes a key; it is on disk before this returns. With
    ``encrypt_new`` False, what is sealed can be read and new blobs are not sealed; with
    ``encrypt_all`` False, only those are for which somebody asks. Raises
    ``WrongMasterKey``, with one line for the operator, when the store is encrypted and the keyring
    is absent or has not the right master key, or when the key file is damaged.
    """
    path = os.path.join(data_directory, KEY_FILE)
    stored = read_stored(path)
    if keyring is None:
        if stored is None:
            return None
        masters = ", ".join(sorted({key.master for key in stored.keys}))
        raise WrongMasterKey(
            f"this store is encrypted: give the master key {masters} (Z4_ENCRYPTION_KEY or a key"
            " file)"
        )
    if stored is None:
        if not encrypt_new:
            return None
        stored = await _with_new_key(StoredKeys(_FORMAT, "", ()), keyring, random_bytes)
        write_stored(path, stored)
    keks = await _unwrap_all(stored, keyring)
    active = bytes.fromhex(stored.active)
    if active not in {key_id(kek) for kek in keks}:
        raise WrongMasterKey(f"the active key is not in {path}: the file is damaged")
    named = {
        key.name: NamedKey(bytes.fromhex(key.id), key.name not in stored.disabled)
        for key in stored.keys
        if key.name
    }
    return Envelope(
        keks,
        active if encrypt_new else None,
        random_bytes,
        named=named,
        seals_all=encrypt_all,
    )


async def rewrap(data_directory: str, keyring: IKeyring) -> int:
    """Wrap all key-encryption keys with the keyring's present master key; how many changed. No
    blob is touched, and the file is replaced as a whole: before that the old master key opens it,
    after that the new one. Raises ``WrongMasterKey``."""
    path = os.path.join(data_directory, KEY_FILE)
    stored = _required(path)
    keks = await _unwrap_all(stored, keyring)
    keys = tuple(
        [await _wrapped_again(*pair, keyring) for pair in zip(stored.keys, keks, strict=True)]
    )
    changed = sum(old != new for old, new in zip(stored.keys, keys, strict=True))
    if changed:
        stored = msgspec.structs.replace(stored, keys=keys)
        await _unwrap_all(stored, keyring)  # what cannot be read back must not replace what can
        write_stored(path, stored)
    return changed


async def add_key(
    data_directory: str,
    keyring: IKeyring,
    random_bytes: Callable[[int], bytes],
    name: str = "",
) -> str:
    """Make a new key-encryption key, for what is sealed from the next start on under a name
    (empty: the store's own key); its id. The present ones stay for what they have sealed. Raises
    ``WrongMasterKey``."""
    path = os.path.join(data_directory, KEY_FILE)
    stored = read_stored(path)
    if stored is None:
        if not name:
            raise _unencrypted(path)
        stored = await _with_new_key(StoredKeys(_FORMAT, "", ()), keyring, random_bytes)
    await _unwrap_all(stored, keyring)
    stored = await _with_new_key(stored, keyring, random_bytes, name)
    write_stored(path, stored)
    return stored.keys[-1].id


def set_enabled(data_directory: str, name: str, enabled: bool) -> bool:
    """Let a named key be used from the next start on, or not; whether that is a change. Needs no
    master key. Raises ``KeyringChange`` for an unknown name, ``WrongMasterKey``."""
    path = os.path.join(data_directory, KEY_FILE)
    stored = _required(path)
    if name not in stored.names:
        raise KeyringChange(f"there is no key {name!r} in the keyring")
    if (name not in stored.disabled) == enabled:
        return False
    disabled = {*stored.disabled} ^ {name}
    write_stored(path, msgspec.structs.replace(stored, disabled=tuple(sorted(disabled))))
    return True


def read_stored(path: str) -> StoredKeys | None:
    """The key file's content, None when there is none. Raises ``WrongMasterKey`` when it cannot
    be understood: starting without it would be worse."""
    try:
        with open(path, "rb") as file:
            stored = msgspec.json.decode(file.read(), type=StoredKeys)
        bytes.fromhex(stored.active)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise WrongMasterKey(f"{path} is damaged: {error}") from error
    if stored.format != _FORMAT:
        raise WrongMasterKey(f"{path} has format {stored.format}, this version knows {_FORMAT}")
    return stored


def write_stored(path: str, stored: StoredKeys) -> None:
    """Replace the key file as a whole, durably (mode 0600)."""
    directory = os.path.dirname(path)
    os.makedirs(directory, mode=0o700, exist_ok=True)
    temporary = path + ".new"
    data = msgspec.json.format(msgspec.json.encode(stored), indent=2) + b"\n"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb", closefd=False) as file:
            file.write(data)
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(temporary, path)
    for level in (directory, os.path.dirname(directory)):
        fd = os.open(level, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _required(path: str) -> StoredKeys:
    stored = read_stored(path)
    if stored is None:
        raise _unencrypted(path)
    return stored


def _unencrypted(path: str) -> WrongMasterKey:
    return WrongMasterKey(f"there is no {path}: this store is not encrypted")


async def _with_new_key(
    stored: StoredKeys,
    keyring: IKeyring,
    random_bytes: Callable[[int], bytes],
    name: str = "",
) -> StoredKeys:
    kek = random_bytes(KEY_BYTES)
    id = key_id(kek).hex()
    wrapped = WrappedKey(id, keyring.key_id, await keyring.wrap(kek, _context(id)), name)
    active = stored.active if name else id
    return msgspec.structs.replace(stored, active=active, keys=(*stored.keys, wrapped))


async def _wrapped_again(key: WrappedKey, kek: bytes, keyring: IKeyring) -> WrappedKey:
    """A key under the keyring's present master key, itself if that wraps it already."""
    wrapped = key.wrapped
    if key.master != keyring.key_id:
        wrapped = await keyring.wrap(kek, _context(key.id))
    elif IRewrappingKeyring.providedBy(keyring):
        wrapped = await keyring.rewrap(wrapped, _context(key.id))
    return msgspec.structs.replace(key, master=keyring.key_id, wrapped=wrapped)


async def _unwrap_all(stored: StoredKeys, keyring: IKeyring) -> tuple[bytes, ...]:
    keks = []
    for key in stored.keys:
        try:
            kek = await keyring.unwrap(key.wrapped, _context(key.id))
        except WrongMasterKey as error:
            raise WrongMasterKey(
                f"this store is encrypted under the master key {key.master}, the one given is"
                f" {keyring.key_id}: {error}"
            ) from error
        if len(kek) != KEY_BYTES or key_id(kek).hex() != key.id:
            raise WrongMasterKey(f"key {key.id} fails its check: the master key is a wrong one")
        keks.append(kek)
    return tuple(keks)


def _context(kek_id: str) -> dict[str, str]:
    return {"purpose": "z4tw key-encryption key", "id": kek_id}
