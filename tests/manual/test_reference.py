"""What the manual lists is what the code has: settings, operations, examples of files."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from z4tw.config import SETTINGS, Setting, load, parsers
from z4tw.s3.operations import OPERATIONS

ROOT = Path(os.environ.get("Z4_SOURCE_TREE") or Path(__file__).parents[2])
DOC = ROOT / "doc"


def environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}


def test_the_list_of_settings_is_current() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "settings_table.py"), "--check"],
        capture_output=True,
        text=True,
        env=environ(),
    )
    assert done.returncode == 0, done.stderr


def test_a_setting_is_described_with_all_that_an_operator_needs() -> None:
    entry = runpy.run_path(str(ROOT / "tools" / "settings_table.py"))["entry"]
    setting = Setting(
        "so-many", parsers.seconds, "3", "N", "how many", live=True, fixed=True, aliases=("many",)
    )
    assert entry(setting) == (
        "``--so-many N``, ``--many N``\n"
        "    How many.\n"
        "    Variable ``Z4_SO_MANY``; default ``3``; taken over on SIGHUP; "
        "fixed when the store is made.\n"
    )
    switch = Setting("on", parsers.flag, "false", "", "be on.", switch=True)
    assert entry(switch) == "``--on``\n    Be on.\n    Variable ``Z4_ON``; off by default.\n"


def test_the_example_of_a_configuration_file_is_accepted() -> None:
    config = load({"config": str(DOC / "examples" / "z4.toml")}, {}, "/")
    assert config.data == "/var/lib/z4"
    assert config.domain == ("s3.example.com",)
    assert [section.name for section in config.plugins] == ["local"]
    assert config.given < {setting.name for setting in SETTINGS}


def test_the_unit_gives_the_server_more_time_than_its_drain() -> None:
    unit = (DOC / "examples" / "z4.service").read_text()
    timeout = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert timeout is not None
    assert int(timeout[1]) > load({}, {}, "/").drain_seconds


NEWER = {
    f"{verb}Bucket{what}": f"{verb}Bucket{what}Configuration"
    for verb in ("Get", "Put")
    for what in ("Lifecycle", "Notification")
}
"""Old operations, and those of today that are the same on the wire."""


NEVER_THERE = {
    "GetBucketReplication": "ReplicationConfigurationNotFoundError",
    **{
        f"GetBucket{what}Configuration": "NoSuchConfiguration"
        for what in ("Analytics", "IntelligentTiering", "Inventory", "Metrics")
    },
}
"""What no bucket has, and the answer of one that lacks it."""


def answers() -> dict[str, tuple[str, str]]:
    """Request and answer by operation, from the page."""
    text = (DOC / "s3_operations.inc").read_text()
    rows = re.findall(r"   \* - (\w+)\n     - ``(.+)``\n     - (.+)\n", text)
    return {name: (request, answer) for name, request, answer in rows}


def test_every_operation_is_listed() -> None:
    assert set(answers()) == set(OPERATIONS)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_is_listed_with_what_it_does(name: str) -> None:
    request, answer = answers()[name]
    assert request.split()[0] == OPERATIONS[name].method
    if name in NEVER_THERE:
        assert answer == f"404 {NEVER_THERE[name]}"
    elif OPERATIONS[NEWER.get(name, name)].supported:
        assert answer in ("**200**", "**204**")
    elif name == "ListDirectoryBuckets":
        assert answer == "400 AuthorizationHeaderMalformed"
    else:
        assert answer == "501 NotImplemented"


def test_the_table_of_operations_is_what_a_server_answers() -> None:
    """Written anew by ``python tools/s3_support.py``."""
    made = runpy.run_path(str(ROOT / "tools" / "s3_support.py"))["page"]()
    assert (DOC / "s3_operations.inc").read_text(encoding="utf-8") == made
