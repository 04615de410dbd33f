"""``z4 version``, quickly."""

from __future__ import annotations

import json
import subprocess
import sys

import z4tw
from tests.cli.support import Z4
from tests.processes import clean_environ


def test_the_version_is_told(z4: Z4) -> None:
    assert z4.run("version").out.startswith(f"z4tw {z4tw.__version__} (Python ")
    assert z4.run("--version").out.startswith(f"z4tw {z4tw.__version__} (Python ")
    assert json.loads(z4.run("version", "--json").out)["z4tw"] == z4tw.__version__


def test_nothing_heavy_is_imported_for_it() -> None:
    code = (
        "import sys; from z4tw.cli import main; main(['version'])\n"
        "heavy = {'twisted', 'apsw', 'cryptography', 'awscrt', 'httptools'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=clean_environ(), timeout=60)
