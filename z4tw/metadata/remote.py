"""The metadata store of a worker process: it reads the database itself and asks the store
process for every change."""

from __future__ import annotations

from collections.abc import Callable

from zope.interface import implementer

from z4tw.interfaces import IMetadataStore
from z4tw.metadata.cache import RegisterCache
from z4tw.metadata.generations import Generations
from z4tw.metadata.link import Link
from z4tw.metadata.reads import SqliteReads
from z4tw.metadata.schema import open_reader
from z4tw.metadata.serve import (
    CHANGE,
    CLOSE,
    PURGE,
    REOPEN,
    encode_change,
    encode_incarnation,
)
from z4tw.model.registers import Outcome, Register
from z4tw.objects import Command, records


@implementer(IMetadataStore)
class RemoteStore(SqliteReads):
    """A store whose writer is another process.

    ``generations`` are attached to the writer's (``Generations(fd)``); ``link`` is connected to
    its ``StoreProtocol``. When the link is lost every change fails with ``ServiceUnavailable``,
    those on the way with an unknown outcome. Raises ``StoreFormatError``, ``apsw.Error``.
    """

    def __init__(
        self,
        path: str,
        generations: Generations,
        link: Link,
        on_fatal: Callable[[BaseException], None],
        cache: RegisterCache | None = None,
    ) -> None:
        super().__init__(open_reader(path), generations, on_fatal, cache)
        self._link = link

    async def change(self, register: Register, command: Command) -> Outcome:
        """Have the store process apply a command."""
        payload = encode_change(register, records.encode_command(command))
        return records.decode_outcome(await self._link.request(CHANGE, payload))

    async def close_incarnation(self, incarnation: int) -> None:
        """See ``IMetadataStore``."""
        await self._link.request(CLOSE, encode_incarnation(incarnation))

    async def reopen_incarnation(self, incarnation: int) -> None:
        """See ``IMetadataStore``."""
        await self._link.request(REOPEN, encode_incarnation(incarnation))

    async def purge_incarnation(self, incarnation: int) -> None:
        """See ``IMetadataStore``."""
        await self._link.request(PURGE, encode_incarnation(incarnation))

    async def close(self) -> None:
        """End the link and close the reading connection."""
        self._link.close()
        self._closed = True
        self._cursor.close(True)
        self._reader.close(True)
