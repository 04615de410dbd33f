"""Configuration (L0): one table of settings, read from flags, environment, TOML file, defaults."""

from z4tw.config.loading import load, nearest, reload
from z4tw.config.table import BY_NAME, SETTINGS, Setting
from z4tw.config.value import Config, ConfigError, PluginSection

__all__ = [
    "BY_NAME",
    "SETTINGS",
    "Config",
    "ConfigError",
    "PluginSection",
    "Setting",
    "load",
    "nearest",
    "reload",
]
