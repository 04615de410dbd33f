"""``z4 version``."""

from __future__ import annotations

import argparse
import platform

import z4tw
from z4tw.cli.output import show
from z4tw.cli.parsing import Commands


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.bare("version", run, "print the version")
    parser.add_argument("--data", metavar="DIR", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print JSON")


def text() -> str:
    """The version in one line."""
    return f"z4tw {z4tw.__version__} (Python {platform.python_version()})"


def run(arguments: argparse.Namespace) -> int:
    """Print it."""
    versions = {"z4tw": z4tw.__version__, "python": platform.python_version()}
    show(versions, arguments.json, text())
    return 0
