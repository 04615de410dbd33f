"""Bucket events in the store process: the sinks, their deliverer, and what is counted."""

from __future__ import annotations

from collections.abc import Callable
from random import SystemRandom
from typing import Any

from z4tw.config import Config, ConfigError
from z4tw.daemons.deliverer import Deliverer
from z4tw.interfaces import IEventSink, IMetadataHousekeeping, IOffload
from z4tw.node.openings import Outside
from z4tw.plugins.registry import Plugins, Ports


def make_sinks(
    plugins: Plugins, config: Config, offload: IOffload, outside: Outside
) -> dict[str, IEventSink]:
    """The event sinks of the configuration by the names of their sections; a section's ``kind``
    names the plugin. Raises ``PluginError``, ``ConfigError``."""
    ports = Ports(outside.reactor, config.data, outside.environ, offload)
    sinks: dict[str, IEventSink] = {}
    for section in config.plugins:
        if section.kind != "events":
            continue
        options = dict(section.options)
        kind = options.pop("kind", "")
        if not kind:
            found = ", ".join(plugins.names("events"))
            raise ConfigError(f"plugins.events.{section.name}: kind is needed, one of {found}")
        sinks[section.name] = plugins.make("events", kind, options, ports)
    return sinks


class Events:
    """The sinks and the deliverer of a node; both are there once they were made."""

    def __init__(self) -> None:
        self._sinks: dict[str, IEventSink] = {}
        self._deliverer: Deliverer | None = None

    def open(self, plugins: Plugins, config: Config, offload: IOffload, outside: Outside) -> None:
        """Make the sinks. Raises ``PluginError``, ``ConfigError``."""
        self._sinks = make_sinks(plugins, config, offload, outside)

    def daemon(self, store: IMetadataHousekeeping, clock: Any, keep: int) -> Deliverer:
        """The deliverer, to be started."""
        self._deliverer = Deliverer(store, self._sinks, clock, SystemRandom().random, keep=keep)
        return self._deliverer

    async def gauges(
        self, store: IMetadataHousekeeping, now_ms: Callable[[], int]
    ) -> dict[str, float]:
        """What the metrics page says of events."""
        backlog = await store.backlog()
        oldest_ms = min([one.oldest_ms for one in backlog.values()], default=0)
        age_s = (now_ms() - oldest_ms) / 1000 if oldest_ms else 0.0
        gauges: dict[str, float] = {
            "z4_outbox_events": sum(one.events for one in backlog.values()),
            "z4_outbox_oldest_seconds": max(0.0, age_s),
        }
        deliverer = self._deliverer
        gauges["z4_events_delivered"] = 0 if deliverer is None else deliverer.delivered
        gauges["z4_events_failed"] = 0 if deliverer is None else deliverer.failed
        gauges["z4_events_dropped"] = 0 if deliverer is None else deliverer.dropped
        return gauges
