"""The seams to the outside: disk, blocking work, routing. Clock and network are Twisted's
``IReactorTime`` and transports; randomness is a ``random.Random`` or ``random_bytes`` callable."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from zope.interface import Attribute, Interface

Steps = Callable[[str], None]
"""Called with the name of each durability step as it is passed (``blob.write``, ``blob.fsync``,
``blob.link``, ``blob.dirsync``, ``store.before-commit``, ``store.after-commit``,
``reply.before``): where tests crash a process, and simulations delay one."""


def no_steps(step: str) -> None:
    """The ``Steps`` of production: nothing happens."""


class IDiskFile(Interface):
    """An open file. All methods but ``read_cached`` block and raise ``OSError``; they run in offloaded
    work."""

    def write(*pieces: Any) -> None:
        """Append all of some bytes-like objects, in order (looping over short writes)."""

    def read_at(offset: int, length: int) -> bytes:
        """Up to ``length`` bytes at ``offset``; fewer only at the end of the file."""

    def read_cached(offset: int, length: int) -> Any:
        """The same bytes (bytes-like) when they can be had without waiting for the disk, else
        None; may be called on the event loop."""

    def size() -> int:
        """The length of the file in bytes."""

    def fsync() -> None:
        """Make contents durable. After an error the file is suspect: never call it again."""

    def close() -> None:
        """Close; an unlinked or never linked file is gone then. Safe to call twice."""


class IDisk(Interface):
    """A directory tree. Paths are relative to its root, with ``/``; all methods block and raise
    ``OSError``. Implementations: the real one, one that fails on command, and one that loses
    what was not synced."""

    def create(directory: str) -> IDiskFile:
        """A new nameless file (O_TMPFILE; else a temporary name) to be linked into ``directory``'s
        file system."""

    def link(file: IDiskFile, path: str) -> None:
        """Give a created file its name; ``FileExistsError`` when the name is taken. Missing
        parent directories are made first. Not durable until ``sync_parents``."""

    def sync_parents(path: str) -> None:
        """fsync the directory of ``path``, and every parent level that ``link`` had to make."""

    def open(path: str) -> IDiskFile:
        """Open for reading; ``FileNotFoundError`` when it is not there."""

    def unlink(path: str) -> None:
        """Remove a name; one that is gone already is no error."""

    def move(path: str, to: str) -> None:
        """Rename within the tree (used for quarantine), making parents of ``to``."""

    def walk(directory: str) -> Any:
        """Yield (path, size, mtime in Unix seconds) of every regular file below a directory, in
        sorted order; symbolic links are not followed."""

    def free_bytes() -> tuple[int, int]:
        """(available, total) bytes of the file system."""


class IOffload(Interface):
    """Blocking or long work away from the event loop."""

    def run(function: Callable[..., Any], *args: Any) -> Awaitable[Any]:
        """Start ``function(*args)`` now, elsewhere; *async* its result or exception.

        The work starts at once, whether or not anybody awaits it; it cannot be cancelled."""


class Route(msgspec.Struct, frozen=True):
    """Where a request belongs when it is not here: the answer is 307 with this Location, and the
    host and port as the XML Endpoint."""

    location: str
    endpoint: str


class IRouter(Interface):
    """Decides which node serves a request; stands in the path of every authenticated request."""

    alone = Attribute("True while this node serves every request itself: it need not be asked.")

    def route(head: Any, call: Any, partition: int | None) -> Awaitable[Route | None]:
        """*async* None: serve it here; a ``Route``: redirect the client.

        ``head`` is the ``RequestHead``, ``call`` the ``S3Call``, ``partition`` the key's partition
        (None for operations without a key, which are never redirected)."""


class IMembership(Interface):
    """Who is in the cluster and seems alive; a single node is its own only member."""

    nodes = Attribute("Tuple of node ids, sorted.")

    def alive(node: str) -> bool:
        """Whether a node seems alive; steers routing only, never responsibility."""
