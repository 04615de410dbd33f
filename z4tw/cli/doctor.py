"""``z4 doctor``: what would keep a node from running well here."""

from __future__ import annotations

import argparse
import os
import stat
import sys
import time

import msgspec

from z4tw.cli.output import amount, show, table
from z4tw.cli.parsing import Commands, add_settings, configuration
from z4tw.config import Config
from z4tw.node.failures import StoreError

PYTHON_LEAST = (3, 11)
_EARLIEST = 1_700_000_000
"""A clock before this (November 2023) was never set."""


class Finding(msgspec.Struct, frozen=True):
    """One check: ``state`` is ``ok``, ``warning`` or ``problem``."""

    check: str
    state: str
    detail: str


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.bare("doctor", run, "check what a node needs here")
    add_settings(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; 1 when there is a problem."""
    config = configuration(arguments, os.environ, os.getcwd())
    findings = examine(config, time.time())
    rows = [(finding.check, finding.state, finding.detail) for finding in findings]
    show(msgspec.to_builtins(findings), arguments.json, table(("CHECK", "STATE", "DETAIL"), rows))
    return 1 if any(finding.state == "problem" for finding in findings) else 0


def examine(config: Config, now: float) -> list[Finding]:
    """All checks."""
    running = _running(config)
    findings = [_python(), _sqlite(), _libraries(), _clock(now), running, _data(config)]
    findings += [_space(config), _permissions(config)]
    if running.detail == "no":
        findings.append(_port(config))
    return findings


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info[:2] >= PYTHON_LEAST
    return Finding("python", "ok" if good else "problem", version)


def _sqlite() -> Finding:
    from z4tw.errors import Z4Error

    try:
        import apsw

        from z4tw.metadata.schema import check_sqlite

        check_sqlite()
    except (ImportError, Z4Error) as error:
        return Finding("sqlite", "problem", str(error))
    return Finding("sqlite", "ok", f"{apsw.sqlite_lib_version()} (apsw {apsw.apsw_version()})")


def _libraries() -> Finding:
    missing = []
    for name in ("httptools", "msgspec", "xxhash", "cryptography", "awscrt"):
        try:
            __import__(name)
        except ImportError:
            missing.append(name)
    if missing:
        return Finding("libraries", "problem", f"missing: {', '.join(missing)}")
    return Finding("libraries", "ok", "all there")


def _clock(now: float) -> Finding:
    text = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(now))
    if now < _EARLIEST:
        return Finding("clock", "problem", f"{text} is long past: signatures would be refused")
    return Finding("clock", "ok", text)


def _running(config: Config) -> Finding:
    from z4tw.cli.reach import ask
    from z4tw.node.sockets import connect_admin

    try:
        connection = connect_admin(config.meta)
        if connection is None:
            return Finding("running", "ok", "no")
        with connection:
            connection.settimeout(5)
            status = ask(connection, "status", {})
    except StoreError as error:
        return Finding("running", "problem", str(error))
    if status["read_only"]:
        return Finding("running", "problem", "the store is read-only after a disk error")
    return Finding("running", "ok", f"yes, at {status['endpoint']} (process {status['pid']})")


def _data(config: Config) -> Finding:
    from z4tw.node.directory import exists

    if exists(config):
        return Finding("data", "ok", config.data)
    if not os.path.exists(config.data):
        return Finding("data", "warning", f"{config.data} is not there yet; a first start makes it")
    if not os.path.isdir(config.data):
        return Finding("data", "problem", f"{config.data} is not a directory")
    if set(os.listdir(config.data)) - {"lost+found"}:
        return Finding("data", "problem", f"{config.data} is not empty and holds no store")
    return Finding("data", "warning", f"{config.data} is empty; a first start makes a store")


def _space(config: Config) -> Finding:
    place = config.data
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    numbers = os.statvfs(place)
    free = numbers.f_bavail * numbers.f_frsize
    detail = f"{amount(free)} free, {amount(config.min_free)} kept free"
    if free < config.min_free:
        return Finding("space", "problem", f"{detail}: writes are refused")
    return Finding("space", "warning" if free < 4 * config.min_free else "ok", detail)


def _permissions(config: Config) -> Finding:
    for path, wrong in ((config.data, stat.S_IWOTH), (config.meta, stat.S_IRWXG | stat.S_IRWXO)):
        if os.path.exists(path):
            mode = stat.S_IMODE(os.stat(path).st_mode)
            if mode & wrong:
                return Finding("permissions", "problem", f"{path} has mode {mode:o}: chmod 700")
            if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
                return Finding("permissions", "problem", f"{path} cannot be written by you")
    return Finding("permissions", "ok", "only you can read the node's files")


def _port(config: Config) -> Finding:
    from z4tw.node.sockets import listen

    try:
        listen(config.host, config.port).close()
    except StoreError as error:
        return Finding("port", "problem", str(error))
    return Finding("port", "ok", f"{config.host} port {config.port} is free")
