"""Finding plugins, and making worker objects from their configuration sections."""

from __future__ import annotations

import importlib
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

import msgspec
from twisted.plugin import getPlugins
from twisted.python.modules import getModule
from zope.interface import Interface
from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

import z4tw.plugins
from z4tw.config import ConfigError
from z4tw.interfaces import (
    IEventSink,
    IKeyring,
    ILifecycleAction,
    IPluginFactory,
    IPolicyEvaluator,
)

KINDS: Mapping[str, type[Interface]] = {
    "policy": IPolicyEvaluator,
    "encryption": IKeyring,
    "lifecycle": ILifecycleAction,
    "events": IEventSink,
}
"""What a factory of each kind makes."""


class PluginError(ConfigError):
    """A plugin that is missing, broken, ambiguous or wrongly configured; one line."""


class Ports(msgspec.Struct, frozen=True):
    """What a plugin may use of the outside: see ``IPluginFactory.make``."""

    reactor: Any
    data_dir: str
    environ: Mapping[str, str]
    offload: Any


class Plugins:
    """The factories that were found, by kind and name.

    Raises ``PluginError`` when two of one kind share a name. ``broken`` has one line for each
    plugin module that could not be imported.
    """

    def __init__(self, factories: Iterable[Any], broken: Sequence[str] = ()) -> None:
        self._factories: dict[tuple[str, str], Any] = {}
        self._broken = tuple(broken)
        for factory in factories:
            address = (factory.kind, factory.name)
            if factory.kind not in KINDS:
                raise PluginError(
                    f"plugin {factory.name!r} of {_origin(factory)} has the unknown kind "
                    f"{factory.kind!r} (known: {', '.join(KINDS)})"
                )
            if address in self._factories:
                raise PluginError(
                    f"two {factory.kind} plugins are named {factory.name!r}: "
                    f"{_origin(self._factories[address])} and {_origin(factory)}"
                )
            self._factories[address] = factory

    def names(self, kind: str) -> list[str]:
        """The names of a kind's plugins, sorted."""
        return sorted(name for other, name in self._factories if other == kind)

    def make(self, kind: str, name: str, options: Mapping[str, str], ports: Ports) -> Any:
        """The worker object of a configuration section. Raises ``PluginError``."""
        factory = self._factories.get((kind, name))
        if factory is None:
            found = ", ".join(self.names(kind)) or "none"
            line = f"there is no {kind} plugin {name!r}; found: {found}"
            if self._broken:
                line += f"; could not be loaded: {'; '.join(self._broken)}"
            raise PluginError(line)
        try:
            worker = factory.make(options, ports)
        except ValueError as error:
            raise PluginError(f"plugins.{kind}.{name}: {error}") from error
        except Exception as error:
            raise PluginError(
                f"{kind} plugin {name!r} of {_origin(factory)} failed: "
                f"{type(error).__name__}: {error}"
            ) from error
        try:
            verifyObject(KINDS[kind], worker)
        except Invalid as error:
            raise PluginError(
                f"{kind} plugin {name!r} of {_origin(factory)} made a wrong object: "
                f"{' '.join(str(error).split())}"
            ) from error
        return worker


def discover(package: ModuleType = z4tw.plugins) -> Plugins:
    """All plugins that ``getPlugins`` finds below a plugin package.

    Twisted keeps a ``dropin.cache`` beside plugins, so a directory that everybody may write is
    refused: what lies there would run with the server's rights. Raises ``PluginError``.
    """
    for directory in package.__path__:
        _check_directory(directory)
    factories = list(getPlugins(IPluginFactory, package))
    return Plugins(factories, _broken_modules(package))


def _check_directory(directory: str) -> None:
    try:
        mode = os.stat(directory).st_mode
    except OSError:
        return  # Most entries of the plugin path do not exist.
    if mode & stat.S_IWOTH:
        raise PluginError(f"the plugin directory {directory} can be written by everyone")


def _broken_modules(package: ModuleType) -> list[str]:
    """One line for each module of the package that does not import; ``getPlugins`` only logs
    them. Modules that it has imported cost nothing here."""
    broken = []
    for module in getModule(package.__name__).iterModules():
        try:
            importlib.import_module(module.name)
        except Exception as error:
            reason = " ".join(str(error).split())
            broken.append(f"{module.name}: {type(error).__name__}: {reason}")
    return broken


def _origin(factory: Any) -> str:
    return type(factory).__module__
