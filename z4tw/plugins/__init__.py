"""The plugin package: ``twisted.plugin.getPlugins`` finds every plugin module below this path.

An installed package adds plugins by shipping a directory ``z4tw/plugins`` of its own, without an
``__init__.py``; ``doc/plugins.rst`` shows one from scratch.
"""

from twisted.plugin import pluginPackagePaths

__path__.extend(pluginPackagePaths(__name__))
__all__: list[str] = []
