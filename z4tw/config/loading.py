"""From flags, environment and a TOML file to a ``Config``."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from z4tw.config.table import BY_NAME, SECRET_VARIABLES, SETTINGS, Setting
from z4tw.config.value import Config, ConfigError, PluginSection

PLUGIN_KINDS = ("policy", "encryption", "lifecycle", "events")
# What Kubernetes sets for a Service named z4 (Z4_PORT itself gets a hint of its own), and what
# this project's tests are told.
_NOT_SETTINGS = re.compile(
    r"Z4_(SERVICE_(HOST|PORT.*)|PORT_[0-9]+_(TCP|UDP).*|TEST_.*|SOURCE_TREE)"
)


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of an error line about an unknown word: the nearest known one, if any is near."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f", did you mean {close[0]}?" if close else ""


def load(
    flags: Mapping[str, str | Sequence[str]],
    environ: Mapping[str, str],
    cwd: str,
    *,
    dev: bool = False,
) -> Config:
    """The configuration that flags (by setting name), environment and file say together.

    Precedence: flag, ``Z4_*`` variable, TOML file, default. Relative paths of flags and variables
    are relative to ``cwd``, those of the file to the file. ``dev`` takes the defaults of
    ``z4 dev``. Raises ``ConfigError``.
    """
    _check_variables(environ)
    values: dict[str, Any] = {"plugins": ()}
    given = set()
    document, file_path = _document(flags, environ, cwd)
    for setting in SETTINGS:
        found = _given(setting, flags, environ, document, cwd, file_path)
        if found is None:
            values[setting.field] = _default(setting, cwd, dev)
            continue
        origin, texts, base = found
        given.add(setting.name)
        parsed = [_parse(setting, origin, text, base) for text in texts]
        values[setting.field] = tuple(parsed) if setting.repeatable else parsed[0]
    if document is not None:
        values["plugins"] = _plugin_sections(document, file_path)
    config = Config(**values, given=frozenset(given))
    _check(config)
    return config


def reload(config: Config, fresh: Config) -> tuple[Config, list[str]]:
    """A running node's configuration after its sources changed: live settings are taken over;
    the names of the changed ones that need a restart come back beside it."""
    changes, restart = {}, []
    for setting in SETTINGS:
        value = getattr(fresh, setting.field)
        if value == getattr(config, setting.field):
            continue
        if setting.live:
            changes[setting.field] = value
        else:
            restart.append(setting.name)
    if fresh.plugins != config.plugins:
        restart.append("plugins")
    return msgspec.structs.replace(config, **changes), restart


def _check_variables(environ: Mapping[str, str]) -> None:
    known = {setting.variable for setting in SETTINGS} | SECRET_VARIABLES
    for variable in sorted(environ):
        if not variable.startswith("Z4_") or _NOT_SETTINGS.fullmatch(variable):
            continue
        if variable not in known:
            raise ConfigError(f"unknown environment variable {variable}{nearest(variable, known)}")


def _document(
    flags: Mapping[str, str | Sequence[str]], environ: Mapping[str, str], cwd: str
) -> tuple[dict[str, Any] | None, str]:
    """The TOML file's content and path, when one is named."""
    setting = BY_NAME["config"]
    found = _given(setting, flags, environ, None, cwd, "")
    if found is None:
        return None, ""
    origin, texts, base = found
    file_path = _parse(setting, origin, texts[0], base)
    try:
        with open(file_path, "rb") as file:
            document = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"{origin}: cannot read {file_path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file_path}: not valid TOML: {_one_line(str(error))}") from None
    known = [setting.name for setting in SETTINGS if setting.name != "config"] + ["plugins"]
    for key in document:
        if key not in known:
            raise ConfigError(f"{file_path}: unknown setting {key!r}{nearest(key, known)}")
    return document, file_path


def _given(
    setting: Setting,
    flags: Mapping[str, str | Sequence[str]],
    environ: Mapping[str, str],
    document: Mapping[str, Any] | None,
    cwd: str,
    file_path: str,
) -> tuple[str, list[str], str] | None:
    """Where a setting is set with the highest precedence: (origin for messages, texts, base
    directory of relative paths)."""
    if setting.name in flags:
        value = flags[setting.name]
        return f"--{setting.name}", [value] if isinstance(value, str) else list(value), cwd
    if environ.get(setting.variable):
        text = environ[setting.variable]
        texts = [part.strip() for part in text.split(",")] if setting.repeatable else [text]
        return setting.variable, texts, cwd
    if document is not None and setting.name in document:
        origin = f"{file_path}: {setting.name}"
        return origin, _texts(setting, origin, document[setting.name]), os.path.dirname(file_path)
    return None


def _texts(setting: Setting, origin: str, value: Any) -> list[str]:
    """A TOML value as the text that a flag would have."""
    if isinstance(value, list) and setting.repeatable:
        return [text for item in value for text in _texts(setting, origin, item)]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, int | float | str):
        return [str(value)]
    raise ConfigError(f"{origin}: a single value is needed, not a table or a list")


def _default(setting: Setting, cwd: str, dev: bool) -> Any:
    text = setting.dev_default if dev and setting.dev_default is not None else setting.default
    if text is None:
        return () if setting.repeatable else None
    return _parse(setting, "default", text, cwd)


def _parse(setting: Setting, origin: str, text: str, base: str) -> Any:
    try:
        value = setting.parse(text)
    except ValueError as error:
        raise ConfigError(f"{origin}: {error}, not {text!r}") from None
    if setting.is_path and value not in ("-", "off"):
        value = os.path.normpath(os.path.join(base, value))
    return value


def _plugin_sections(document: Mapping[str, Any], file_path: str) -> tuple[PluginSection, ...]:
    sections = []
    kinds = document.get("plugins", {})
    if not isinstance(kinds, dict):
        raise ConfigError(f"{file_path}: plugins: tables [plugins.KIND.NAME] are needed")
    for kind, names in kinds.items():
        if kind not in PLUGIN_KINDS:
            raise ConfigError(
                f"{file_path}: unknown plugin kind {kind!r}{nearest(kind, PLUGIN_KINDS)}"
            )
        if not isinstance(names, dict) or not all(isinstance(t, dict) for t in names.values()):
            raise ConfigError(
                f"{file_path}: plugins.{kind}: a table [plugins.{kind}.NAME] is needed"
            )
        for name, table in names.items():
            options = {}
            for key, value in table.items():
                origin = f"{file_path}: plugins.{kind}.{name}.{key}"
                options[key] = ",".join(_texts(_PLUGIN_OPTION, origin, value))
            sections.append(PluginSection(kind, name, options))
    return tuple(sections)


_PLUGIN_OPTION = Setting("plugins", str, None, "", "", repeatable=True)


def _check(config: Config) -> None:
    """What no single setting can say."""
    if config.join is not None:
        raise ConfigError("join: joining a cluster is not supported by this release")
    if (config.tls_cert is None) != (config.tls_key is None):
        missing = "tls-key" if config.tls_key is None else "tls-cert"
        raise ConfigError(f"{missing}: tls-cert and tls-key are needed together")
    if config.tls == "self-signed" and config.tls_cert is not None:
        raise ConfigError("tls: self-signed and tls-cert exclude each other")
    if config.metrics_port and config.metrics_port == config.port:
        raise ConfigError("metrics-port: a port other than that of the S3 service is needed")
    both = set(config.domain) & set(config.website_domain)
    if both:
        raise ConfigError(f"website-domain: {min(both)} is a domain of the S3 service already")


def _one_line(text: str) -> str:
    return " ".join(text.split())
