"""The ``z4`` command: one module per family of commands, each with ``register(commands)`` (L5).

Modules import what is heavy inside their functions, so that ``z4 version`` stays quick.
"""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """The entry point of ``z4``; the exit status."""
    from z4tw.cli.entry import run

    return run(argv)
