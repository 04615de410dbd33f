"""How a command reaches the store: through the running node, or directly when none runs."""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any

from z4tw.cli.parsing import configuration
from z4tw.config import Config
from z4tw.node.failures import CommandError, StoreError, StoreInUse
from z4tw.node.sockets import connect_admin

_START_SECONDS = 5.0
_RETRY_SECONDS = 0.1


def perform(
    arguments: argparse.Namespace, command: str, *, makes_store: bool = False, **given: Any
) -> Any:
    """Perform an administrative command on the store that the command line names.

    ``makes_store``: in a data directory without a store one is made first. Raises ``StoreError``,
    ``CommandError``, ``ConfigError``.
    """
    config = configuration(arguments, os.environ, os.getcwd())
    deadline = time.monotonic() + _START_SECONDS
    while True:
        connection = connect_admin(config.meta)
        if connection is not None:
            with connection:
                return ask(connection, command, given)
        try:
            return _directly(config, command, given, makes_store)
        except StoreInUse as error:
            # A node that is starting or stopping has the lock, and no admin socket.
            if time.monotonic() > deadline:
                raise StoreError(f"{error} that does not answer") from None
            time.sleep(_RETRY_SECONDS)


def ask(connection: socket.socket, command: str, arguments: Mapping[str, Any]) -> Any:
    """The result of a command of a running node. Raises ``CommandError``."""
    request = json.dumps({"command": command, "arguments": arguments})
    try:
        connection.sendall(request.encode("utf-8") + b"\n")
        with connection.makefile("rb") as answers:
            line = answers.readline()
    except OSError as error:
        raise StoreError(f"the connection to the node broke: {error.strerror}") from None
    if not line.endswith(b"\n"):
        raise StoreError("the node stopped before it answered: the outcome is unknown")
    answer = json.loads(line)
    if "error" in answer:
        raise CommandError(answer["error"])
    return answer["result"]


def _directly(config: Config, command: str, given: Mapping[str, Any], makes_store: bool) -> Any:
    from z4tw.node.directory import exists

    if not exists(config):
        if not makes_store:
            raise StoreError(f"there is no store in {config.data}; name one with --data")
        print(f"z4: making a new store in {config.data}", file=sys.stderr)
    from z4tw.node.offline import perform_offline

    return perform_offline(config, command, given)
