"""Commands reach a running node, a store that nobody runs on, or nobody."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import Z4
from tests.node.support import make_config
from z4tw.cli import reach
from z4tw.node.directory import DataDirectory
from z4tw.node.failures import CommandError, StoreError
from z4tw.node.sockets import listen_admin


def test_a_store_that_is_not_there_is_not_made_by_looking(z4: Z4) -> None:
    line = z4.refused("key", "list")
    assert line == f"z4: there is no store in {z4.data}; name one with --data"
    assert not z4.data.exists()


def test_the_variable_names_the_store(z4: Z4, monkeypatch: pytest.MonkeyPatch) -> None:
    z4("key", "create", "alice")
    monkeypatch.setenv("Z4_DATA", str(z4.data))
    ran = z4.run("key", "list", "--json")
    assert [key["name"] for key in json.loads(ran.out)] == ["alice"]


def test_a_store_whose_node_does_not_answer_is_told(
    z4: Z4, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "_START_SECONDS", 0.05)
    monkeypatch.setattr(reach, "_RETRY_SECONDS", 0.01)
    directory = DataDirectory.open(make_config(z4.data), os.urandom)
    line = z4.refused("key", "list")
    assert line == f"z4: {z4.data} is in use by process {os.getpid()} that does not answer"
    directory.close()


def test_a_node_that_is_stopping_is_waited_for(z4: Z4, monkeypatch: pytest.MonkeyPatch) -> None:
    z4("key", "create", "alice")
    directory = DataDirectory.open(make_config(z4.data), os.urandom)
    monkeypatch.setattr(time, "sleep", lambda seconds: directory.close())
    assert "alice" in z4("key", "list")


class Node:
    """Answers one admin connection with given bytes."""

    def __init__(self, meta: Path, answer: bytes) -> None:
        meta.mkdir(parents=True)
        self.asked: list[Any] = []
        self._answer = answer
        self._listening = listen_admin(str(meta))
        self._listening.setblocking(True)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        with connection, connection.makefile("rb") as requests:
            self.asked.append(json.loads(requests.readline()))
            connection.sendall(self._answer)
        self._listening.close()

    def join(self) -> None:
        self._thread.join(10)


def test_a_running_node_is_asked(z4: Z4) -> None:
    node = Node(z4.data / "_z4meta", b'{"result": []}\n')
    assert z4.json("key", "list") == []
    node.join()
    assert node.asked == [{"command": "key_list", "arguments": {}}]


def test_its_refusal_is_told(z4: Z4) -> None:
    node = Node(z4.data / "_z4meta", b'{"error": "no such thing"}\n')
    assert z4.refused("key", "info", "a") == "z4: no such thing"
    node.join()


def test_its_end_in_the_middle_leaves_the_outcome_unknown(z4: Z4) -> None:
    node = Node(z4.data / "_z4meta", b'{"resu')
    assert "the outcome is unknown" in z4.refused("key", "delete", "a")
    node.join()


def test_a_broken_connection_is_told() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours, pytest.raises(StoreError):
        reach.ask(ours, "status", {})


def test_an_error_is_raised_as_a_command_error() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b'{"error": "no"}\n')
        with pytest.raises(CommandError, match="no"):
            reach.ask(ours, "status", {})
