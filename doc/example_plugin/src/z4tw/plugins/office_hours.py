"""Makes the plugin known to z4tw: a module-level object that is a factory.

Found because this directory is on the plugin path of ``z4tw.plugins``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.plugin import IPlugin
from z4_office_hours import OfficeHours, from_options, now_of
from zope.interface import implementer

from z4tw.interfaces import IPluginFactory


@implementer(IPlugin, IPluginFactory)
class OfficeHoursPlugin:
    """``[plugins.policy.office-hours]`` with the options ``opens`` and ``closes``."""

    kind = "policy"
    name = "office-hours"

    def make(self, options: Mapping[str, str], ports: Any) -> OfficeHours:
        """The evaluator."""
        return from_options(options, now_of(ports))


office_hours = OfficeHoursPlugin()
