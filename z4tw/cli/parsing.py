"""argparse with errors of one line that name the nearest known word."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from z4tw.config import SETTINGS, Config, Setting, load, nearest

USAGE_ERROR = 2
"""The exit status of a wrong command line or configuration."""


class Parser(argparse.ArgumentParser):
    """A parser that refuses with one line on standard error and exit status 2."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Print the line and exit."""
        print(f"{self.prog}: {' '.join(message.split())}", file=sys.stderr)
        raise SystemExit(USAGE_ERROR)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = [str(choice) for choice in action.choices]
            self.error(f"unknown command {value!r}{nearest(str(value), known)}")

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The parsed command line; unknown options are refused with the nearest known one."""
        namespace, unknown = self.parse_known_args(arguments)
        if unknown:
            parser: Parser = getattr(namespace, "parser", self)
            word = unknown[0].split("=")[0]
            if word.startswith("-"):
                parser.error(f"unknown option {word}{nearest(word, parser.option_names())}")
            parser.error(f"unexpected argument {word!r}")
        return namespace

    def option_names(self) -> list[str]:
        """The long options that this parser knows."""
        return [name for name in self._option_string_actions if name.startswith("--")]


class Commands:
    """Where the families of commands register theirs."""

    def __init__(self, subparsers: Any) -> None:
        self._subparsers = subparsers

    def add(self, name: str, run: Any, help: str, **options: Any) -> Parser:
        """A new command; ``run(arguments) -> int`` performs it and returns the exit status. It
        has ``--data``, ``--config`` and ``--json`` like every command."""
        parser = self.bare(name, run, help, **options)
        for setting in SETTINGS:
            if setting.name in ("data", "config"):
                add_setting(parser, setting)
        parser.add_argument("--json", action="store_true", help="print JSON")
        return parser

    def bare(self, name: str, run: Any, help: str, **options: Any) -> Parser:
        """A new command without options."""
        parser: Parser = self._subparsers.add_parser(
            name, help=help, description=help[0].upper() + help[1:] + ".", **options
        )
        parser.set_defaults(run=run, parser=parser)
        return parser

    def family(self, name: str, help: str) -> Commands:
        """A command that has commands below it, as ``z4 key``."""
        parser: Parser = self._subparsers.add_parser(
            name, help=help, description=help[0].upper() + help[1:] + "."
        )
        below = parser.add_subparsers(metavar="COMMAND", required=True, dest=f"{name}_command")
        return Commands(below)


def add_setting(parser: argparse.ArgumentParser, setting: Setting) -> None:
    """The flag of a setting; its text is parsed by ``load`` together with its other sources."""
    names = [f"--{name}" for name in (setting.name, *setting.aliases)]
    shown = setting.help.replace("%", "%%")
    if setting.default not in (None, "false"):
        shown += f" [{setting.default}]"
    if setting.switch:
        parser.add_argument(
            *names, dest=_dest(setting), action="store_const", const="true", help=shown
        )
    elif setting.repeatable:
        parser.add_argument(
            *names, dest=_dest(setting), action="append", metavar=setting.metavar, help=shown
        )
    else:
        parser.add_argument(*names, dest=_dest(setting), metavar=setting.metavar, help=shown)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """The flags of all settings."""
    for setting in SETTINGS:
        add_setting(parser, setting)


def configuration(
    arguments: argparse.Namespace, environ: Any, cwd: str, dev: bool = False
) -> Config:
    """The configuration that a command line asks for. Raises ``ConfigError``."""
    flags = {}
    for setting in SETTINGS:
        value = getattr(arguments, _dest(setting), None)
        if value is not None:
            flags[setting.name] = value
    return load(flags, environ, cwd, dev=dev)


def _dest(setting: Setting) -> str:
    return "setting_" + setting.field
