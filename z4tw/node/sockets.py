"""Sockets of a node: the listening ones of the S3 service, and the admin socket's address."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator

from z4tw.node.failures import StoreError

BACKLOG = 1024
"""Connections that the system holds until a worker accepts them."""
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (what they are shown as)
"""The addresses that stand for all interfaces, and the loopback one of each family."""
_PATH_BYTES = 100
"""A path of a Unix socket holds 103 bytes on macOS and 107 on Linux."""


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket, non-blocking. Raises ``StoreError`` with one line."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise StoreError(f"cannot listen on {host}: {error.strerror}") from error
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise StoreError(f"cannot listen on {host} port {port}: {error.strerror}") from error
    return listening


def endpoint(listening: socket.socket, secure: bool) -> str:
    """The URL of a listening socket; a wildcard address is shown as the loopback one."""
    host, port = listening.getsockname()[:2]
    host = WILDCARDS.get(host, host)
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if secure else 'http'}://{shown}:{port}"


@contextlib.contextmanager
def admin_address(meta: str) -> Iterator[str]:
    """The admin socket's address for ``bind`` and ``connect``, short enough for the system.

    A long path is reached through a descriptor of its directory (Linux), else relative to the
    working directory. Raises ``StoreError`` when no short form exists.
    """
    path = os.path.join(meta, "admin.sock")
    if len(os.fsencode(path)) <= _PATH_BYTES:
        yield path
        return
    if os.path.isdir("/proc/self/fd"):
        directory = os.open(meta, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{directory}/admin.sock"
        finally:
            os.close(directory)
        return
    relative = os.path.relpath(path)
    if len(os.fsencode(relative)) > _PATH_BYTES:
        raise StoreError(f"the path of {meta} is too long for a Unix socket")
    yield relative


def listen_admin(meta: str) -> socket.socket:
    """The listening admin socket, mode 0600; the caller holds the data directory's lock, so a
    socket that lies there is a dead one."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(meta, "admin.sock"))
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with admin_address(meta) as address:
            listening.bind(address)
            os.chmod(address, 0o600)
        listening.listen(16)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise StoreError(f"cannot make the admin socket in {meta}: {error.strerror}") from error
    return listening


def connect_admin(meta: str) -> socket.socket | None:
    """A connection to the node that runs on a data directory, None when there is none."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with admin_address(meta) as address:
            connection.connect(address)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        connection.close()
        return None
    except OSError as error:
        connection.close()
        raise StoreError(f"cannot reach the node of {meta}: {error.strerror}") from error
    return connection
