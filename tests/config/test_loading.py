"""Precedence of the sources, and the one line that each mistake gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from z4tw.config import Config, ConfigError, PluginSection, load, nearest, reload

EVERYTHING = """
data = "store"
port = 9000
workers = 2
domain = ["a.example", "b.example"]
debug = true
drain-seconds = 1.5

[plugins.policy.office]
opens = 8
days = ["mon", "tue"]
"""


def write(directory: Path, text: str) -> str:
    path = directory / "z4.toml"
    path.write_text(text)
    return str(path)


def refusal(flags: dict[str, str], environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as refused:
        load(flags, environ or {}, "/srv")
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_flag_wins_over_a_variable_over_the_file_over_the_default(tmp_path: Path) -> None:
    file = write(tmp_path, 'region = "of-file"\nport = 1\nhost = "10.0.0.1"')
    config = load(
        {"config": file, "region": "of-flag"}, {"Z4_REGION": "of-env", "Z4_PORT": "2"}, "/srv"
    )
    assert (config.region, config.port, config.host) == ("of-flag", 2, "10.0.0.1")
    assert config.replicas == 3
    assert config.given == {"config", "region", "port", "host"}


def test_a_file_says_everything(tmp_path: Path) -> None:
    config = load({"config": write(tmp_path, EVERYTHING)}, {}, "/srv")
    assert config.domain == ("a.example", "b.example")
    assert config.debug
    assert config.drain_seconds == 1.5
    assert config.plugins == (PluginSection("policy", "office", {"opens": "8", "days": "mon,tue"}),)


def test_relative_paths_belong_to_where_they_were_said(tmp_path: Path) -> None:
    file = write(tmp_path, EVERYTHING)
    assert load({"config": file}, {}, "/srv").data == str(tmp_path / "store")
    assert load({"config": file, "data": "here"}, {}, "/srv").data == "/srv/here"
    assert load({}, {"Z4_DATA": "../there"}, "/srv").data == "/there"


def test_the_file_may_be_named_by_the_environment(tmp_path: Path) -> None:
    assert load({}, {"Z4_CONFIG": write(tmp_path, EVERYTHING)}, "/srv").port == 9000


def test_repeatable_settings_come_as_lists_or_with_commas() -> None:
    assert load({"domain": ["a.b", "c.d"]}, {}, "/srv").domain == ("a.b", "c.d")
    assert load({}, {"Z4_DOMAIN": "a.b, c.d"}, "/srv").domain == ("a.b", "c.d")


def test_a_domain_is_that_of_websites_or_of_the_s3_service() -> None:
    flags = {"domain": ["s3.b"], "website-domain": ["web.b", "s3-web.b"]}
    assert load(flags, {}, "/srv").website_domain == ("web.b", "s3-web.b")
    with pytest.raises(ConfigError, match=r"website-domain: s3\.b"):
        load({**flags, "website-domain": ["S3.b"]}, {}, "/srv")


def test_an_empty_variable_is_an_absent_one() -> None:
    assert load({}, {"Z4_PORT": ""}, "/srv").port == 9670


def test_dev_runs_in_one_process_unless_it_is_told_otherwise() -> None:
    assert load({}, {}, "/srv", dev=True).workers == 1
    assert load({"workers": "2"}, {}, "/srv", dev=True).workers == 2


@pytest.mark.parametrize(
    ("flags", "environ", "line"),
    [
        ({"port": "x"}, {}, "--port: a port from 0 to 65535 is needed, not 'x'"),
        ({}, {"Z4_PORT": "x"}, "Z4_PORT: a port from 0 to 65535 is needed, not 'x'"),
        ({}, {"Z4_PROT": "1"}, "unknown environment variable Z4_PROT, did you mean Z4_PORT?"),
        (
            {"join": "node2:9671"},
            {},
            "join: joining a cluster is not supported by this release",
        ),
        ({"tls-cert": "c"}, {}, "tls-key: tls-cert and tls-key are needed together"),
        ({"tls-key": "k"}, {}, "tls-cert: tls-cert and tls-key are needed together"),
        (
            {"tls": "self-signed", "tls-cert": "c", "tls-key": "k"},
            {},
            "tls: self-signed and tls-cert exclude each other",
        ),
        (
            {"metrics-port": "9670"},
            {},
            "metrics-port: a port other than that of the S3 service is needed",
        ),
        (
            {"config": "/nowhere/z4.toml"},
            {},
            "--config: cannot read /nowhere/z4.toml: No such file or directory",
        ),
    ],
)
def test_a_mistake_gets_one_line(flags: dict[str, str], environ: dict[str, str], line: str) -> None:
    assert refusal(flags, environ) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("prot = 1", "unknown setting 'prot', did you mean port?"),
        ("gossip_port = 1", "unknown setting 'gossip_port', did you mean gossip-port?"),
        ("zzz = 1", "unknown setting 'zzz'"),
        ("port = ", "not valid TOML: "),
        ("port = 'x'", "port: a port from 0 to 65535 is needed, not 'x'"),
        ("port = [1, 2]", "port: a single value is needed, not a table or a list"),
        ("[port]\nx = 1", "port: a single value is needed, not a table or a list"),
        ("plugins = 1", "plugins: tables [plugins.KIND.NAME] are needed"),
        ("[plugins.policies.a]", "unknown plugin kind 'policies', did you mean policy?"),
        ("[plugins.policy]\na = 1", "plugins.policy: a table [plugins.policy.NAME] is needed"),
        ("[plugins.policy.a]\nb = {}", "plugins.policy.a.b: a single value is needed"),
    ],
)
def test_a_mistake_in_the_file_names_file_and_place(tmp_path: Path, text: str, line: str) -> None:
    path = write(tmp_path, text)
    assert refusal({"config": path}).startswith(f"{path}: {line}")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "z4.toml"
    path.write_bytes(b"\xff\xfe")
    assert "not valid TOML" in refusal({"config": str(path)})


def test_variables_of_secrets_services_and_tests_are_no_mistakes() -> None:
    load(
        {},
        {
            "Z4_ROOT_ACCESS_KEY": "a",
            "Z4_ENCRYPTION_KEY": "b",
            "Z4_SERVICE_HOST": "10.0.0.1",
            "Z4_PORT_9670_TCP_ADDR": "10.0.0.1",
            "Z4_TEST_LONG": "1",
        },
        "/srv",
    )


def test_the_nearest_known_word_is_named_only_when_it_is_near() -> None:
    assert nearest("prt", ["port", "host"]) == ", did you mean port?"
    assert nearest("zzzzzz", ["port", "host"]) == ""


class TestReload:
    def both(self, old: dict[str, str], new: dict[str, str]) -> tuple[Config, list[str]]:
        return reload(load(old, {}, "/srv"), load(new, {}, "/srv"))

    def test_live_settings_are_taken_over(self) -> None:
        config, restart = self.both({}, {"debug": "true", "drain-seconds": "3"})
        assert config.debug
        assert config.drain_seconds == 3
        assert restart == []

    def test_others_stay_and_are_named(self) -> None:
        config, restart = self.both({}, {"port": "1", "region": "eu-west-1"})
        assert (config.port, config.region) == (9670, "us-east-1")
        assert restart == ["port", "region"]

    def test_changed_plugins_need_a_restart(self, tmp_path: Path) -> None:
        fresh = load({"config": write(tmp_path, "[plugins.policy.a]")}, {}, "/srv")
        _, restart = reload(load({}, {}, "/srv"), fresh)
        assert "plugins" in restart
