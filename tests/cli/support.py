"""Running ``z4`` in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from z4tw.cli import main


class Ran(NamedTuple):
    """What a command left."""

    status: int
    out: str
    err: str


class Z4:
    """Runs commands on one data directory, with no ``Z4_*`` variable set."""

    def __init__(
        self, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import os

        for name in list(os.environ):
            if name.startswith(("Z4_", "AWS_", "MINIO_")):
                monkeypatch.delenv(name)
        self.data = data
        self._capsys = capsys

    def run(self, *arguments: str) -> Ran:
        """A command as it is given."""
        try:
            status = main(arguments)
        except SystemExit as exited:
            status = int(exited.code or 0)
        out, err = self._capsys.readouterr()
        return Ran(status, out, err)

    def __call__(self, *arguments: str) -> str:
        """The output of a command on the data directory, which must succeed."""
        ran = self.run(*arguments, "--data", str(self.data))
        assert ran.status == 0, ran.err
        return ran.out

    def refused(self, *arguments: str, status: int = 1) -> str:
        """The one line of a command on the data directory that must fail."""
        ran = self.run(*arguments, "--data", str(self.data))
        assert ran.status == status
        assert ran.out == ""
        assert ran.err.count("\n") == 1
        return ran.err.rstrip("\n")

    def json(self, *arguments: str) -> Any:
        """What a command prints with ``--json``."""
        import json

        return json.loads(self(*arguments, "--json"))
