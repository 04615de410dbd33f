"""Both pollers tell the same of the same sockets."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable

import pytest

from z4tw.bench.polling import EpollPoller, SelectorPoller, make_poller

MAKERS = [SelectorPoller, make_poller]


@pytest.mark.parametrize("maker", MAKERS)
def test_what_is_ready(maker: Callable[[], EpollPoller | SelectorPoller]) -> None:
    poller = maker()
    here, there = socket.socketpair()
    with here, there:
        poller.watch(here.fileno(), 1)
        assert poller.poll(0) == []
        poller.change(here.fileno(), 3)
        assert poller.poll(0) == [(here.fileno(), 4)]
        there.send(b"x")
        assert poller.poll(1) == [(here.fileno(), 5)]
        poller.change(here.fileno(), 1)
        assert poller.poll(1) == [(here.fileno(), 1)]
        poller.forget(here.fileno())
        assert poller.poll(0) == []
    poller.close()


def test_epoll_is_taken_where_it_is() -> None:
    poller = make_poller()
    assert isinstance(poller, EpollPoller) == hasattr(select, "epoll")
    poller.close()
