"""``z4 server``: run a node."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence

from z4tw.cli.parsing import Commands, add_settings, configuration
from z4tw.config import Config
from z4tw.interfaces import Steps, no_steps
from z4tw.node.started import Started


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.bare("server", run, "run a node")
    add_settings(parser)
    parser.add_argument("--json", action="store_true", help="announce the endpoint as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Run until stopped; the exit status."""
    as_json = arguments.json

    def announce(started: Started) -> None:
        if as_json:
            print(json.dumps(describe(started)), flush=True)
            return
        print(f"z4: serving {started.config.data} at {started.endpoint}", flush=True)
        if started.hint is not None:
            print(f"z4: {started.hint}", flush=True)

    cwd = os.getcwd()
    return serve(lambda: configuration(arguments, os.environ, cwd), announce)


def describe(started: Started) -> dict[str, object]:
    """What ``--json`` prints when the node serves."""
    return {
        "endpoint": started.endpoint,
        "metrics_endpoint": started.metrics_endpoint,
        "data": started.config.data,
        "workers": started.workers,
        "has_keys": started.has_keys,
    }


def serve(
    load_config: Callable[[], Config],
    announce: Callable[[Started], None],
    dev: bool = False,
    steps: Steps = no_steps,
    command: Sequence[str] | None = None,
) -> int:
    """Run a node in this process until it is stopped; the exit status.

    ``steps`` is told of durability steps and ``command`` replaces the program of workers, both in
    tests. Raises ``ConfigError`` before anything starts.
    """
    config = load_config()
    from twisted.internet import reactor

    from z4tw.compose import build_node
    from z4tw.node.logs import NodeLog
    from z4tw.node.running import run_service

    log = NodeLog(sys.stderr, "z4", config.debug)
    log.begin()
    node = build_node(
        config,
        reactor,
        environ=os.environ,
        load_config=load_config,
        announce=announce,
        report=lambda line: print(f"z4: {line}", file=sys.stderr),
        set_debug=log.set_debug,
        dev=dev,
        steps=steps,
        command=command,
    )
    return run_service(node, reactor)
