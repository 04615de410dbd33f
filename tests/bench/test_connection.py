"""Sockets to a target: plain and with TLS, and one line when nothing answers."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from tests.bench.support import ID, SECRET, make_certificate, make_target, ok, serving
from z4tw.bench.connection import Connection, Dialer
from z4tw.bench.target import BenchError, parse_target


def refused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_nobody_listens() -> None:
    with pytest.raises(BenchError, match=r"cannot reach http://127\.0\.0\.1:\d+: Connection ref"):
        Dialer(make_target(refused_port()))


def test_a_listener_that_has_gone_is_an_oserror() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        dialer = Dialer(make_target(listening.getsockname()[1]))

    def use() -> None:
        # Some systems tell it at once, others when the socket is used.
        with dialer.dial() as sock:
            sock.setblocking(True)
            sock.sendall(b"x")

    with pytest.raises(ConnectionRefusedError):
        use()


def test_a_connection_begins_anew_with_each_socket() -> None:
    connection = Connection()
    here, there = socket.socketpair()
    with here, there:
        connection.fresh, connection.quiet, connection.wants = False, True, 3
        connection.attach(here)
        assert (connection.fresh, connection.quiet, connection.wants) == (True, False, 1)
        assert connection.fd == here.fileno()
        connection.send(b"x")
        assert there.recv(1) == b"x"


def test_an_unknown_certificate_is_refused_unless_that_is_wanted(tmp_path: Path) -> None:
    certificate, context = make_certificate(tmp_path)
    with serving(lambda *request: ok(), context) as port:
        endpoint = f"https://127.0.0.1:{port}"
        with pytest.raises(BenchError, match="cannot reach https:"):
            Dialer(parse_target(endpoint, ID, SECRET))
        choices: list[dict[str, Any]] = [{"verify": False}, {"ca_bundle": certificate}]
        for more in choices:
            dialer = Dialer(parse_target(endpoint, ID, SECRET, **more))
            assert dialer.secure
            dialer.dial().close()


def test_a_bundle_that_is_none(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    with pytest.raises(BenchError, match="cannot use"):
        Dialer(parse_target("https://127.0.0.1:1", "id", "secret", ca_bundle=missing))
