"""Wrong command lines get one line that names the nearest right word."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import Z4
from z4tw.cli.entry import make_parser
from z4tw.cli.parsing import configuration
from z4tw.config import SETTINGS, Config


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("serve",), "z4: unknown command 'serve', did you mean server?"),
        (("key", "craete", "a"), "z4 key: unknown command 'craete', did you mean create?"),
        (("zzzz",), "z4: unknown command 'zzzz'"),
        ((), "z4: a command is needed, such as dev or server; z4 --help lists them"),
        (("key",), "z4 key: the following arguments are required: COMMAND"),
        (("server", "--prt", "1"), "z4 server: unknown option --prt, did you mean --port?"),
        (("dev", "--por=1"), "z4 dev: unknown option --por, did you mean --port?"),
        (("key", "list", "--jsno"), "z4 key list: unknown option --jsno, did you mean --json?"),
        (("key", "list", "extra"), "z4 key list: unexpected argument 'extra'"),
        (("key", "create"), "z4 key create: the following arguments are required: NAME"),
        (("server", "--port"), "z4 server: argument --port: expected one argument"),
        (("bucket", "allow", "b"), "z4 bucket allow: the following arguments are required: --key"),
    ],
)
def test_a_wrong_command_line_gets_one_line(z4: Z4, arguments: tuple[str, ...], line: str) -> None:
    ran = z4.run(*arguments)
    assert (ran.status, ran.out, ran.err) == (2, "", line + "\n")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("server", "--port", "x"), "--port: a port from 0 to 65535 is needed, not 'x'"),
        (("server", "--join", "a:1"), "join: joining a cluster is not supported by this release"),
        (("dev", "--tls-cert", "c"), "tls-key: tls-cert and tls-key are needed together"),
        (("key", "list", "--config", "/nowhere"), "--config: cannot read /nowhere: "),
        (("doctor", "--config", "/nowhere"), "--config: cannot read /nowhere: "),
    ],
)
def test_a_wrong_configuration_gets_one_line(z4: Z4, arguments: tuple[str, ...], line: str) -> None:
    assert z4.refused(*arguments, status=2).startswith(f"z4: {line}")


def test_a_wrong_variable_gets_one_line(z4: Z4, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("Z4_PROT", "1")
    line = "z4: unknown environment variable Z4_PROT, did you mean Z4_PORT?"
    assert z4.refused("key", "list", status=2) == line


@pytest.mark.parametrize("command", ["server", "dev"])
def test_every_setting_is_a_flag(z4: Z4, command: str) -> None:
    ran = z4.run(command, "--help")
    assert ran.status == 0
    for setting in SETTINGS:
        assert f"--{setting.name}" in ran.out


def test_help_lists_the_commands_that_there_are(z4: Z4) -> None:
    text = z4.run("--help").out
    for command in ("dev", "server", "key", "bucket", "doctor", "version"):
        assert f"\n    {command} " in text
    assert "cluster" not in text


def parsed(*arguments: str, dev: bool = False) -> Config:
    return configuration(make_parser().parse(arguments), {}, "/srv", dev=dev)


def test_flags_reach_the_configuration() -> None:
    config = parsed(
        "server", "--threads", "3", "--debug", "--domain", "a.b", "--domain", "c.d", "--data", "x"
    )
    assert (config.workers, config.debug, config.data) == (3, True, str(Path("/srv/x")))
    assert config.domain == ("a.b", "c.d")
    assert parsed("dev", dev=True).workers == 1
