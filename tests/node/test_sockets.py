"""Listening sockets, and an admin socket that any path can have."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from z4tw.node.failures import StoreError
from z4tw.node.sockets import connect_admin, endpoint, listen, listen_admin


def test_a_free_port_is_chosen_and_told() -> None:
    with listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        assert endpoint(listening, False) == f"http://127.0.0.1:{port}"
        assert endpoint(listening, True) == f"https://127.0.0.1:{port}"
        assert not listening.getblocking()


def test_all_interfaces_are_told_as_one_that_can_be_reached() -> None:
    with listen("0.0.0.0", 0) as listening:
        assert endpoint(listening, False).startswith("http://127.0.0.1:")


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_an_ipv6_address_is_bracketed() -> None:
    with listen("::1", 0) as listening:
        assert endpoint(listening, False).startswith("http://[::1]:")


def test_a_taken_port_is_told_in_one_line() -> None:
    with listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        line = f"cannot listen on 127.0.0.1 port {port}: Address already in use"
        with pytest.raises(StoreError, match=line):
            listen("127.0.0.1", port)


def test_an_unknown_host_is_told_in_one_line() -> None:
    with pytest.raises(StoreError, match=r"cannot listen on no\.such\.host\.invalid"):
        listen("no.such.host.invalid", 0)


@pytest.fixture(params=["near", "deep"])
def meta(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    path = tmp_path
    if request.param == "deep":
        path = tmp_path / ("a" * 120) / ("b" * 120)
    path.mkdir(parents=True, exist_ok=True)
    return str(path)


def test_the_admin_socket_is_private_and_reachable(meta: str) -> None:
    assert connect_admin(meta) is None
    with listen_admin(meta) as listening:
        path = os.path.join(meta, "admin.sock")
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        connection = connect_admin(meta)
        assert connection is not None
        with connection:
            listening.setblocking(True)
            listening.accept()[0].close()


def test_a_dead_socket_is_nobody_and_is_replaced(meta: str) -> None:
    listen_admin(meta).close()
    assert connect_admin(meta) is None
    with listen_admin(meta):
        connection = connect_admin(meta)
        assert connection is not None
        connection.close()


def test_a_directory_that_is_not_there_has_no_node(tmp_path: Path) -> None:
    assert connect_admin(str(tmp_path / "nothing")) is None
