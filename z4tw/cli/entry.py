"""The whole command line: its families of commands, and what its failures look like."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from z4tw.cli import (
    backups,
    bench,
    buckets,
    dev,
    doctor,
    explain,
    fsck,
    gc,
    keyring,
    keys,
    lifecycle,
    server,
    users,
    version,
)
from z4tw.cli.parsing import USAGE_ERROR, Commands, Parser
from z4tw.config import ConfigError
from z4tw.node.failures import CommandError, StoreError

FAMILIES = (
    dev,
    server,
    keys,
    users,
    buckets,
    explain,
    backups,
    fsck,
    gc,
    lifecycle,
    keyring,
    doctor,
    bench,
    version,
)
"""The modules that make up ``z4``; a new family of commands is one more of them."""


def make_parser() -> Parser:
    """The parser of the whole command line."""
    parser = Parser(
        prog="z4",
        description="An S3-compatible object store.",
        epilog="z4 COMMAND --help says more.",
    )
    parser.add_argument("--version", action="version", version=version.text())
    commands = Commands(parser.add_subparsers(metavar="COMMAND", dest="command"))
    for family in FAMILIES:
        family.register(commands)
    return parser


def run(argv: Sequence[str] | None = None) -> int:
    """Perform a command line; the exit status: 0 done, 1 failed, 2 a wrong command line."""
    parser = make_parser()
    arguments = parser.parse(sys.argv[1:] if argv is None else argv)
    if arguments.command is None:
        parser.error("a command is needed, such as dev or server; z4 --help lists them")
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except ConfigError as error:
        return _refused(str(error), USAGE_ERROR)
    except (CommandError, StoreError) as error:
        return _refused(str(error), 1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read the output has gone; leave nothing for the interpreter to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _refused(line: str, status: int) -> int:
    print(f"z4: {line}", file=sys.stderr)
    return status
