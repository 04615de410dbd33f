"""Which sockets are ready: epoll itself where there is one, since ``selectors`` makes objects."""

from __future__ import annotations

import select
import selectors
from typing import Any, Protocol

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Poller(Protocol):
    """Watches descriptors, each for reading (``wants`` 1) or also for writing (3)."""

    def watch(self, fd: int, wants: int) -> None:
        """Begin to watch a descriptor."""

    def change(self, fd: int, wants: int) -> None:
        """Watch for something else."""

    def forget(self, fd: int) -> None:
        """Watch it no longer; before it is closed."""

    def poll(self, timeout_s: float) -> list[tuple[int, int]]:
        """Descriptors with a mask; bits beside 1 and 4 are errors, which reading will tell."""

    def close(self) -> None:
        """Release it."""


class EpollPoller:
    """Linux."""

    def __init__(self) -> None:
        self._epoll: Any = select.epoll()
        self.poll = self._epoll.poll
        self.forget = self._epoll.unregister
        self.close = self._epoll.close

    def watch(self, fd: int, wants: int) -> None:
        """As ``Poller``."""
        self._epoll.register(fd, _mask(wants))

    def change(self, fd: int, wants: int) -> None:
        """As ``Poller``."""
        self._epoll.modify(fd, _mask(wants))


class SelectorPoller:
    """Everywhere else."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def watch(self, fd: int, wants: int) -> None:
        """As ``Poller``."""
        self._selector.register(fd, wants)

    def change(self, fd: int, wants: int) -> None:
        """As ``Poller``."""
        self._selector.modify(fd, wants)

    def forget(self, fd: int) -> None:
        """As ``Poller``."""
        self._selector.unregister(fd)

    def poll(self, timeout_s: float) -> list[tuple[int, int]]:
        """As ``Poller``."""
        return [(key.fd, _mask(events)) for key, events in self._selector.select(timeout_s)]

    def close(self) -> None:
        """As ``Poller``."""
        self._selector.close()


def _mask(wants: int) -> int:
    """EPOLLIN is 1, EPOLLOUT 4."""
    return (1 if wants & READ else 0) | (4 if wants & WRITE else 0)


def make_poller() -> EpollPoller | SelectorPoller:
    """The quickest one of this system."""
    return EpollPoller() if hasattr(select, "epoll") else SelectorPoller()
