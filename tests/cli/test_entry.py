"""The command line as a whole: its exit statuses, whatever happens."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.support import Z4
from tests.processes import clean_environ
from z4tw.cli import entry
from z4tw.cli.parsing import Commands


def family(error: BaseException) -> type:
    class Family:
        @staticmethod
        def register(commands: Commands) -> None:
            commands.bare("fail", Family.run, "fail")

        @staticmethod
        def run(arguments: argparse.Namespace) -> int:
            raise error

    return Family


def test_an_interrupt_ends_quietly(z4: Z4, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "FAMILIES", (family(KeyboardInterrupt()),))
    assert z4.run("fail") == (130, "", "")


def test_a_defect_is_not_hidden(z4: Z4, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "FAMILIES", (family(ZeroDivisionError()),))
    with pytest.raises(ZeroDivisionError):
        z4.run("fail")


def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    process = subprocess.run(
        [sys.executable, "-m", "z4tw.cli", "version"],
        stdout=write, stderr=subprocess.PIPE, env=clean_environ(), timeout=60, check=False,
    )  # fmt: skip
    os.close(write)
    assert process.returncode == 1
    assert process.stderr == b""
