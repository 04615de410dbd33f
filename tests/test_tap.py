"""The options of ``twistd z4`` are the settings, and mistakes get one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from twisted.application.service import IService, IServiceMaker
from twisted.plugin import getPlugins

from z4tw import tap
from z4tw.config import SETTINGS
from z4tw.tap import Options, makeService


def parse(*arguments: str) -> Options:
    options = Options()
    options.parseOptions(list(arguments))
    return options


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as exited:
        parse(*arguments)
    assert exited.value.code == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    return line.rstrip()


def test_every_setting_is_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        parse("--help")
    assert exited.value.code == 0
    text = capsys.readouterr().out
    for setting in SETTINGS:
        assert f"--{setting.name}" in text


def test_flags_reach_the_configuration() -> None:
    config = parse(
        "--port",
        "0",
        "--threads",
        "3",
        "--debug",
        "--domain",
        "a.b",
        "--domain=c.d",
        "--website-domain",
        "w.b",
        "--website-domain=w.d",
    ).config
    assert (config.port, config.workers, config.debug) == (0, 3, True)
    assert config.domain == ("a.b", "c.d")
    assert config.website_domain == ("w.b", "w.d")


def test_mistakes_get_one_line_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    line = refusal(capsys, "--prt", "1")
    assert line == "twistd z4: unknown option --prt, did you mean --port?"
    assert "--port: a port from 0 to 65535" in refusal(capsys, "--port", "x")
    assert "joining a cluster is not supported" in refusal(capsys, "--join", "a:1")
    assert "requires argument" in refusal(capsys, "--port")


def test_making_the_service_opens_nothing(tmp_path: Path) -> None:
    service = makeService(parse("--data", str(tmp_path / "d"), "--workers", "1"))
    assert IService.providedBy(service)
    assert os.listdir(tmp_path) == []


def test_twistd_finds_it() -> None:
    (maker,) = [maker for maker in getPlugins(IServiceMaker) if maker.tapname == "z4"]
    assert maker.options is tap.Options
    assert maker.makeService is tap.makeService
