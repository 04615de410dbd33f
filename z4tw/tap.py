"""``twistd z4``: the options from the table of settings, and the service they describe."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from twisted.application.service import IService
from twisted.logger import Logger
from twisted.python import usage

from z4tw.config import SETTINGS, Config, ConfigError, load, nearest
from z4tw.node.started import Started

log = Logger()
USAGE_ERROR = 2


class Options(usage.Options):
    """The settings as options of twistd. What is wrong is told in one line, with exit status 2."""

    synopsis = "[options]"
    longdesc = "Runs a node of z4tw, an S3-compatible object store."

    optFlags = [
        [name, None, setting.help] for setting in SETTINGS if setting.switch
        for name in (setting.name, *setting.aliases)
    ]  # fmt: skip
    optParameters = [
        [name, None, None, _help]
        for setting in SETTINGS if not setting.switch and not setting.repeatable
        for _help in [setting.help + (f" [{setting.default}]" if setting.default else "")]
        for name in (setting.name, *setting.aliases)
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.flags: dict[str, str | list[str]] = {}

    def opt_domain(self, value: str) -> None:
        """a domain for virtual-host addressing; may be repeated"""
        self._add("domain", value)

    def opt_website_domain(self, value: str) -> None:
        """a domain below which buckets are websites; may be repeated"""
        self._add("website-domain", value)

    def _add(self, name: str, value: str) -> None:
        values = self.flags.setdefault(name, [])
        assert isinstance(values, list)
        values.append(value)

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Parse, and refuse what is wrong."""
        try:
            super().parseOptions(options)
        except usage.UsageError as error:
            refuse(_explained(str(error)))

    def postOptions(self) -> None:
        """Gather what was given. Exits for a wrong configuration, before twistd forks."""
        for setting in SETTINGS:
            for name in (setting.name, *setting.aliases):
                value = self.get(name)
                if setting.switch:
                    if value:
                        self.flags[setting.name] = "true"
                elif value is not None:
                    self.flags[setting.name] = value
        try:
            self.config = load(self.flags, os.environ, os.getcwd())
        except ConfigError as error:
            refuse(str(error))


def makeService(options: Options) -> IService:
    """The node's service; nothing is opened before it starts."""
    from twisted.internet import reactor

    from z4tw.compose import build_node

    # Daemons change their working directory: relative paths keep the meaning they had.
    cwd = os.getcwd()

    def load_config() -> Config:
        return load(options.flags, os.environ, cwd)

    def report(line: str) -> None:
        _report(line, node.exit_status)

    node = build_node(
        options.config,
        reactor,
        environ=os.environ,
        load_config=load_config,
        announce=_announce,
        report=report,
    )
    return node


def refuse(line: str) -> NoReturn:
    """End with the exit status of a wrong command line."""
    print(f"twistd z4: {line}", file=sys.stderr)
    raise SystemExit(USAGE_ERROR)


def _announce(started: Started) -> None:
    log.info("serving {data} at {at}", data=started.config.data, at=started.endpoint)
    if started.hint is not None:
        log.warn("{hint}", hint=started.hint)


def _report(line: str, status: int) -> None:
    """The node stops because of a failure: log it, and make twistd end with a status that says so
    (it knows none of its own)."""
    log.critical("{line}", line=line)
    # twistd has put its log in place of ``sys.stderr``.
    print(f"z4: {line}", file=sys.__stderr__)
    atexit.register(_exit, status)


def _exit(status: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _explained(message: str) -> str:
    """getopt's complaint, with the nearest known option."""
    word = message.split()[1] if message.startswith("option ") else ""
    if word.startswith("--") and "not recognized" in message:
        known = [f"--{name}" for setting in SETTINGS for name in (setting.name, *setting.aliases)]
        return f"unknown option {word}{nearest(word, known)}"
    return " ".join(message.split())
