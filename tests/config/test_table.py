"""The table of settings is whole: every setting has its field, a good default and a text."""

from __future__ import annotations

import msgspec
import pytest

from z4tw.config import BY_NAME, SETTINGS, Config, Setting, load


def test_the_table_and_the_configuration_name_the_same_settings() -> None:
    fields = {field.name for field in msgspec.structs.fields(Config)}
    assert {setting.field for setting in SETTINGS} == fields - {"plugins", "given"}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_setting_is_complete(setting: Setting) -> None:
    assert setting.help
    assert setting.variable == "Z4_" + setting.name.upper().replace("-", "_")
    assert setting.switch or setting.metavar
    if setting.default is not None:
        setting.parse(setting.default)


def test_names_and_aliases_are_unique() -> None:
    names = [name for setting in SETTINGS for name in (setting.name, *setting.aliases)]
    assert len(names) == len(set(names))
    assert BY_NAME["port"].default == "9670"


def test_the_defaults_are_those_of_the_documentation() -> None:
    config = load({}, {}, "/srv")
    assert config.data == "/srv/data"
    assert (config.host, config.port, config.gossip_port) == ("127.0.0.1", 9670, 9671)
    assert (config.vnodes, config.replicas, config.region) == (150, 3, "us-east-1")
    assert (config.inline_limit, config.drain_seconds) == (4096, 30.0)
    assert (config.blob_grace_seconds, config.orphan_grace_seconds) == (3600.0, 86400.0)
    assert config.workers == 0
    assert config.given == frozenset()
