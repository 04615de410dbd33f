"""The manual of operations names what there is, and nothing that there is not."""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec
import pytest

from z4tw.cli.entry import make_parser
from z4tw.config import SETTINGS
from z4tw.model.registers import StoreSizes
from z4tw.recovery.backup import BackupRecord
from z4tw.recovery.report import PROBLEMS
from z4tw.web.metrics import Metrics, render

ROOT = Path(os.environ.get("Z4_SOURCE_TREE") or Path(__file__).parents[2])
MANUAL = (ROOT / "doc" / "operations.rst").read_text(encoding="utf-8")


def subcommands(parser: object) -> dict[str, object]:
    """The commands below a parser, by name."""
    for action in getattr(parser, "_actions", []):
        if hasattr(action, "choices") and isinstance(action.choices, dict):
            return dict(action.choices)
    return {}


def test_every_problem_is_explained() -> None:
    explained = re.findall(r"^``([a-z-]+)`` +\S", MANUAL, re.MULTILINE)
    assert [name for name in explained if name in PROBLEMS] == list(PROBLEMS)


def test_every_option_exists() -> None:
    known = {f"--{setting.name}" for setting in SETTINGS} | {"--help", "--json"}
    for command in subcommands(make_parser()).values():
        for parser in (command, *subcommands(command).values()):
            known.update(getattr(parser, "_option_string_actions", {}))
    asked = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", MANUAL))
    assert asked - known == set()


def test_every_command_exists() -> None:
    commands = subcommands(make_parser())
    asked = set(re.findall(r"(?:``|\$ |=NEW,OLD )z4\s+([a-z]+)(?: ([a-z-]+)``)?", MANUAL))
    assert len(asked) > 8
    for command, below in asked:
        assert command in commands, command
        if below and subcommands(commands[command]):
            assert below in subcommands(commands[command]), (command, below)


def test_every_metric_exists() -> None:
    events = (ROOT / "doc" / "events.rst").read_text(encoding="utf-8")
    asked = set(re.findall(r"``(z4_[a-z_]+)``", MANUAL + events))
    metrics = Metrics()
    metrics.observe("GetObject", 200, 0.1)
    names = set(re.findall(r"^# TYPE (\S+)", render(metrics.snapshot()), re.MULTILINE))
    names |= {f"z4_{field}" for field in StoreSizes.__struct_fields__}
    for module in (ROOT / "z4tw" / "node").glob("*.py"):
        names |= set(re.findall(r'"(z4_[a-z_]+)"', module.read_text(encoding="utf-8")))
    assert asked == names


@pytest.mark.parametrize("name", ["made_ms", "digests", "missing"])
def test_the_record_of_a_backup_has_what_is_said_of_it(name: str) -> None:
    assert name in {field.name for field in msgspec.structs.fields(BackupRecord)}


def test_defaults_are_those_of_the_settings() -> None:
    defaults = {setting.name: setting.default for setting in SETTINGS}
    assert defaults["blob-grace-seconds"] == "3600"
    assert defaults["orphan-grace-seconds"] == "86400"
    assert defaults["snapshot-seconds"] == "3600"
