"""The node binds its ports once, and refuses connections from the drain on."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.node.support import make_config
from z4tw.node.failures import StoreError
from z4tw.node.listening import Listening


def test_it_binds_at_the_start_and_closes_at_the_stop(tmp_path: Path) -> None:
    listening = Listening(make_config(tmp_path))
    assert listening.sockets == []
    listening.startService()
    address = listening.sockets[0].getsockname()
    assert listening.endpoint == f"http://127.0.0.1:{address[1]}"
    assert listening.metrics_endpoint == ""
    socket.create_connection(address).close()
    listening.stopService()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_metrics_get_a_socket_of_their_own(tmp_path: Path) -> None:
    listening = Listening(make_config(tmp_path, metrics_port="0", tls="self-signed"))
    listening.startService()
    assert len(listening.sockets) == 2
    assert listening.endpoint.startswith("https://")
    assert listening.metrics_endpoint.startswith("http://")
    listening.close()
    listening.stopService()


def test_a_taken_port_fails_the_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        listening = Listening(make_config(tmp_path, port=port))
        with pytest.raises(StoreError, match="Address already in use"):
            listening.startService()
        listening.stopService()
