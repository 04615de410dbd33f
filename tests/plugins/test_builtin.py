"""The built-in plugins make what they say."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from zope.interface.verify import verifyObject

from z4tw.interfaces import IKeyring, ILifecycleAction, IPluginFactory, IPolicyEvaluator
from z4tw.plugins.builtin import acl, bucket_policy, grants, local, zstd
from z4tw.plugins.registry import Ports

PORTS = Ports(reactor=None, data_dir="/srv/d", environ={}, offload=None)


def test_they_are_factories() -> None:
    for plugin, kind, name in (
        (acl, "policy", "acl"),
        (grants, "policy", "grants"),
        (bucket_policy, "policy", "bucket-policy"),
        (local, "encryption", "local"),
        (zstd, "lifecycle", "zstd"),
    ):
        assert verifyObject(IPluginFactory, plugin)
        assert (plugin.kind, plugin.name) == (kind, name)


@pytest.mark.parametrize("plugin", [acl, grants, bucket_policy])
def test_evaluators_without_options(plugin: Any) -> None:
    assert verifyObject(IPolicyEvaluator, plugin.make({}, PORTS))
    with pytest.raises(ValueError, match="there is no option 'speed'"):
        plugin.make({"speed": "1"}, PORTS)


def test_the_class_that_compresses_is_an_action_with_two_options() -> None:
    action = zstd.make({"level": "9", "minimum-size": "1KiB"}, PORTS)
    assert verifyObject(ILifecycleAction, action)
    with pytest.raises(ValueError, match="there is no option 'speed'"):
        zstd.make({"speed": "1"}, PORTS)


def test_the_local_keyring_takes_a_key_file(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    path.write_text("ab" * 32)
    os.chmod(path, 0o600)
    assert verifyObject(IKeyring, local.make({"key-file": str(path)}, PORTS))


def test_the_local_keyring_takes_the_variable() -> None:
    ports = Ports(None, "/srv/d", {"Z4_ENCRYPTION_KEY": "ab" * 32}, None)
    assert verifyObject(IKeyring, local.make({}, ports))
    with pytest.raises(ValueError, match="Z4_ENCRYPTION_KEY"):
        local.make({}, PORTS)
