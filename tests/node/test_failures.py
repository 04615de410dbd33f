"""Each kind of failure ends a command with one line and its own exit status."""

from __future__ import annotations

import argparse

import pytest

from z4tw.cli import entry
from z4tw.cli.parsing import Commands
from z4tw.config import ConfigError
from z4tw.node.failures import CommandError, StoreError, StoreInUse


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigError("a line"), 2),
        (StoreError("a line"), 1),
        (StoreInUse("a line"), 1),
        (CommandError("a line"), 1),
    ],
)
def test_a_failure_is_a_line_and_a_status(
    error: Exception,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Family:
        @staticmethod
        def register(commands: Commands) -> None:
            commands.bare("fail", Family.run, "fail")

        @staticmethod
        def run(arguments: argparse.Namespace) -> int:
            raise error

    monkeypatch.setattr(entry, "FAMILIES", (Family,))
    assert entry.run(["fail"]) == status
    assert capsys.readouterr().err == "z4: a line\n"
