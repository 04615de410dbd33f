"""What a disk's errors mean: for the request that met one, and for the store."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable

from z4tw.errors import InsufficientStorage, InternalError, ServiceUnavailable

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# The process is short of something; the disk is well.
_SHORTAGE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN})
# A name that is taken: never replaced, and no fault of the disk.
_TAKEN = frozenset({errno.EEXIST})


class DiskHealth:
    """Whether a disk may still be written to.

    One error that is neither a full disk nor a shortage of the process makes the store read-only
    until the process ends: after a failed fsync nobody knows what the kernel has lost. Source:
    Rebello et al., "Can Applications Recover from fsync Failures?" (USENIX ATC 2020).
    ``on_disk_error`` is called once, with the first such error, by the thread that met it.
    """

    def __init__(self, on_disk_error: Callable[[OSError], None]) -> None:
        self._on_disk_error = on_disk_error
        self._lock = threading.Lock()
        self._error: OSError | None = None

    @property
    def read_only(self) -> bool:
        """True after a disk error."""
        return self._error is not None

    @property
    def error(self) -> OSError | None:
        """The error that made the store read-only."""
        return self._error

    def check(self) -> None:
        """Raise ``ServiceUnavailable`` when the store is read-only."""
        if self._error is not None:
            raise ServiceUnavailable("The store is read-only after a disk error.")

    def refuse(self) -> None:
        """Turn read-only because of an error that somebody else met, and has told of."""
        with self._lock:
            if self._error is None:
                self._error = OSError(errno.EIO, "another process met a disk error")

    def judge(self, error: OSError) -> Exception:
        """What a request answers to an error of a write, sync or link; the store turns read-only
        when the error says that the disk is failing."""
        answer: Exception
        if error.errno in _FULL:
            answer = InsufficientStorage()
        elif error.errno in _SHORTAGE:
            answer = ServiceUnavailable()
        else:
            answer = InternalError()
            if error.errno not in _TAKEN:
                self._fail(error)
        answer.__cause__ = error
        return answer

    def _fail(self, error: OSError) -> None:
        with self._lock:
            first = self._error is None
            if first:
                self._error = error
        if first:
            self._on_disk_error(error)
