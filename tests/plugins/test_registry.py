"""Plugins are found, made and checked; what is missing or broken is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from zope.interface import implementer

from tests.processes import clean_environ
from z4tw.interfaces import Decision, Effect, IPolicyEvaluator, PolicyRequest
from z4tw.plugins.registry import PluginError, Plugins, Ports, discover

PORTS = Ports(reactor=None, data_dir="/srv/d", environ={}, offload=None)


@implementer(IPolicyEvaluator)
class Evaluator:
    def evaluate(self, request: PolicyRequest) -> Decision:
        return Decision(Effect.ABSTAIN, "")


class Factory:
    def __init__(self, name: str, made: Any = None, kind: str = "policy") -> None:
        self.kind = kind
        self.name = name
        self._made = made

    def make(self, options: Any, ports: Any) -> Any:
        if isinstance(self._made, Exception):
            raise self._made
        return self._made


def refusal(plugins: Plugins, name: str, kind: str = "policy") -> str:
    with pytest.raises(PluginError) as refused:
        plugins.make(kind, name, {}, PORTS)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_worker_object_is_made_by_kind_and_name() -> None:
    evaluator = Evaluator()
    plugins = Plugins([Factory("a", evaluator), Factory("b", Evaluator())])
    assert plugins.make("policy", "a", {}, PORTS) is evaluator
    assert plugins.names("policy") == ["a", "b"]
    assert plugins.names("encryption") == []


def test_a_missing_one_is_told_with_what_was_found() -> None:
    plugins = Plugins([Factory("b", Evaluator()), Factory("a", Evaluator())])
    assert refusal(plugins, "c") == "there is no policy plugin 'c'; found: a, b"
    assert refusal(plugins, "a", "encryption") == ("there is no encryption plugin 'a'; found: none")


def test_broken_modules_are_told_with_a_missing_one() -> None:
    plugins = Plugins([], ["z4tw.plugins.acme: ImportError: no acme"])
    assert refusal(plugins, "acme") == (
        "there is no policy plugin 'acme'; found: none; "
        "could not be loaded: z4tw.plugins.acme: ImportError: no acme"
    )


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(PluginError, match="two policy plugins are named 'a'"):
        Plugins([Factory("a"), Factory("a")])
    Plugins([Factory("a"), Factory("a", kind="encryption")])


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(PluginError, match="unknown kind 'colour'"):
        Plugins([Factory("a", kind="colour")])


def test_a_wrong_option_is_told_with_its_section() -> None:
    plugins = Plugins([Factory("a", ValueError("speed: a number is needed"))])
    assert refusal(plugins, "a") == "plugins.policy.a: speed: a number is needed"


def test_a_factory_that_fails_is_named() -> None:
    line = refusal(Plugins([Factory("a", ZeroDivisionError("oops"))]), "a")
    assert line.endswith("failed: ZeroDivisionError: oops")
    assert __name__ in line


def test_what_is_no_evaluator_is_refused() -> None:
    assert "made a wrong object" in refusal(Plugins([Factory("a", object())]), "a")


def test_the_built_in_ones_are_found() -> None:
    plugins = discover()
    assert "grants" in plugins.names("policy")
    assert "local" in plugins.names("encryption")


NAMES = "print(discover().names('policy'))"
GOOD = """
from twisted.plugin import IPlugin
from zope.interface import implementer
from z4tw.interfaces import IPluginFactory
@implementer(IPlugin, IPluginFactory)
class Acme:
    kind, name = "policy", "acme"
    def make(self, options, ports):
        raise ValueError("acme needs a key")
acme = Acme()
"""


def find(directory: Path, code: str) -> str:
    """What a process with a directory on its import path prints."""
    found = subprocess.run(
        [sys.executable, "-c", f"from z4tw.plugins.registry import *\n{code}"],
        env=clean_environ(PYTHONPATH=os.pathsep.join([str(directory), os.getcwd()])),
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return found.stdout.strip()


class TestOnTheImportPath:
    def plugin(self, directory: Path, name: str, text: str) -> Path:
        folder = directory / "z4tw" / "plugins"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        return folder

    def test_a_plugin_is_found_from_the_first_start_on(self, tmp_path: Path) -> None:
        folder = self.plugin(tmp_path, "acme.py", GOOD)
        for _ in range(2):
            assert find(tmp_path, NAMES) == "['acl', 'acme', 'bucket-policy', 'grants']"
        assert (folder / "dropin.cache").exists()

    def test_a_broken_module_is_told_at_every_start(self, tmp_path: Path) -> None:
        self.plugin(tmp_path, "acme.py", "import no_such_module_anywhere")
        code = "try: discover().make('policy', 'acme', {}, None)\nexcept PluginError as e: print(e)"
        for _ in range(2):
            line = find(tmp_path, code)
            found = "found: acl, bucket-policy, grants; "
            assert line.startswith(f"there is no policy plugin 'acme'; {found}")
            assert "z4tw.plugins.acme: ModuleNotFoundError: No module named 'no_such" in line

    def test_a_directory_that_cannot_be_written_is_read_all_the_same(self, tmp_path: Path) -> None:
        folder = self.plugin(tmp_path, "acme.py", GOOD)
        # A directory in the cache's place cannot be replaced by a file, not even by root.
        (folder / "dropin.cache" / "x").mkdir(parents=True)
        assert find(tmp_path, NAMES) == "['acl', 'acme', 'bucket-policy', 'grants']"

    def test_one_that_everybody_can_write_is_refused(self, tmp_path: Path) -> None:
        folder = self.plugin(tmp_path, "acme.py", GOOD)
        folder.chmod(0o777)
        package = ModuleType("z4tw.plugins")
        package.__path__ = [str(tmp_path / "nothing"), str(folder)]
        with pytest.raises(PluginError, match="can be written by everyone"):
            discover(package)
        assert not (folder / "dropin.cache").exists()
