"""The node's part in lifecycles: actions of plugins, the expirer, and its figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet.task import Clock
from zope.interface import implementer

from tests.node.support import Opened, make_config
from z4tw.config import ConfigError, PluginSection
from z4tw.interfaces import ILifecycleAction, IPluginFactory, ITransition
from z4tw.node.lifecycle import lifecycle_gauges, make_expirer
from z4tw.node.offline import drive
from z4tw.ops.expiring import Tally
from z4tw.plugins.builtin import grants, zstd
from z4tw.plugins.registry import PluginError, Plugins


@implementer(IPluginFactory)
class Archive:
    """A lifecycle plugin of a third party, whose class is an option."""

    kind = "lifecycle"
    name = "archive"

    def make(self, options: Any, ports: Any) -> Any:
        return Archiving(options["class"])


@implementer(ILifecycleAction)
class Archiving:
    def __init__(self, storage_class: str) -> None:
        self.storage_class = storage_class

    async def act(self, transition: ITransition) -> None:
        raise AssertionError("nothing moves here")


def opened(tmp_path: Path, **sections: dict[str, str]) -> Opened:
    config = make_config(tmp_path / "d")
    plugins = tuple(PluginSection("lifecycle", name, options) for name, options in sections.items())
    config = msgspec.structs.replace(config, plugins=plugins)
    return Opened(config, Plugins((grants, zstd, Archive())))


def test_the_class_that_compresses_is_always_there(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        assert list(storage.actions) == ["ZSTD"]
        assert storage.settings.plugin_storage_classes == ("ZSTD",)


def test_sections_add_classes_and_set_options(tmp_path: Path) -> None:
    with opened(tmp_path, archive={"class": "TAPE"}, zstd={"level": "19"}) as storage:
        assert storage.settings.plugin_storage_classes == ("ZSTD", "TAPE")


@pytest.mark.parametrize("name", ["GLACIER", "STANDARD", "ZSTD", "tape", "", "A" * 65, "A B"])
def test_a_class_that_cannot_be_one_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="storage class"):
        opened(tmp_path, archive={"class": name})
    opened(tmp_path).close()


def test_a_wrong_option_keeps_the_node_from_starting(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"plugins.lifecycle.zstd: level"):
        opened(tmp_path, zstd={"level": "99"})
    with pytest.raises(PluginError, match="there is no lifecycle plugin 'absent'"):
        opened(tmp_path, absent={})


def test_the_expirer_of_a_node_walks_its_store(tmp_path: Path) -> None:
    made = opened(tmp_path)
    with made as storage:
        made.outside.reactor = Clock()
        expirer = make_expirer(made.outside, storage.config, storage)
        drive(expirer.walk())
        gauges = lifecycle_gauges(expirer)
        assert gauges["z4_lifecycle_completed_seconds"] == made.outside.now()
        expirer.tally = Tally(1, 2, 3, 4, 5)
        expirer.examined, expirer.errors = 6, 7
        gauges = lifecycle_gauges(expirer)
        assert sorted(gauges.values())[:7] == [1, 2, 3, 4, 5, 6, 7]
        assert all(name.startswith("z4_lifecycle_") for name in gauges)
    assert lifecycle_gauges(None) == {}
