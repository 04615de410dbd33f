"""The store process's end of a worker's connection: commands in, outcomes out."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from z4tw.interfaces import IMetadataStore
from z4tw.metadata.link import Link, OnRequest, refuse_requests
from z4tw.model.registers import Register
from z4tw.objects import records

CHANGE = "store.change"
CLOSE = "store.close-incarnation"
REOPEN = "store.reopen-incarnation"
PURGE = "store.purge-incarnation"


class _Change(msgspec.Struct, frozen=True, array_like=True):
    """The payload of ``CHANGE``: a register and an encoded command."""

    kind: int
    incarnation: int
    key: bytes
    command: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode_change = msgspec.msgpack.Decoder(_Change).decode
_decode_incarnation = msgspec.msgpack.Decoder(int).decode


def encode_change(register: Register, command: bytes) -> bytes:
    """The payload of ``CHANGE``."""
    return _encode(_Change(*register, command))


def encode_incarnation(incarnation: int) -> bytes:
    """The payload of ``CLOSE``, ``REOPEN`` and ``PURGE``."""
    return _encode(incarnation)


class StoreProtocol(Link):
    """Serves one worker. Requests that are not the store's own go to ``on_request``."""

    def __init__(
        self,
        store: IMetadataStore,
        on_request: OnRequest = refuse_requests,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(self._serve, on_lost, bounded=True)
        self._store = store
        self._others = on_request

    async def _serve(self, name: str, payload: bytes) -> bytes:
        if name == CHANGE:
            change = _decode_change(payload)
            register = Register(change.kind, change.incarnation, change.key)
            command = records.decode_command(change.command)
            return records.encode_outcome(await self._store.change(register, command))
        if name == CLOSE:
            await self._store.close_incarnation(_decode_incarnation(payload))
        elif name == REOPEN:
            await self._store.reopen_incarnation(_decode_incarnation(payload))
        elif name == PURGE:
            await self._store.purge_incarnation(_decode_incarnation(payload))
        else:
            return await self._others(name, payload)
        return b""
