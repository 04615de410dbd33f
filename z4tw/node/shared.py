"""What the store process and a worker process build in the same way."""

from __future__ import annotations

import datetime
import gc
import os
import resource
import sys
from collections.abc import Mapping

from z4tw.config import Config
from z4tw.interfaces import IPolicyEvaluator
from z4tw.node.failures import StoreError
from z4tw.node.openings import Outside
from z4tw.node.ports import Tls
from z4tw.node.sockets import WILDCARDS
from z4tw.node.storage import Storage
from z4tw.plugins.registry import Plugins, Ports

SWITCH_INTERVAL_S = 0.0005
"""A thread that returns from COMMIT waits this long at most for the interpreter."""


GC_THRESHOLDS = (10_000, 20, 50)
"""A request leaves hardly any cycles: Python's own thresholds cost it a tenth of its time."""


def tune_process() -> None:
    """Thread switching for short waits, a collector that leaves alone what was loaded at start,
    and as many descriptors as the system allows."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        limit = hard if hard != resource.RLIM_INFINITY else max(soft, 65536)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        except (ValueError, OSError):
            return  # macOS has a lower limit of its own, and says no


def make_evaluators(
    plugins: Plugins, config: Config, storage: Storage, outside: Outside
) -> list[IPolicyEvaluator]:
    """Grants, bucket policies, ACLs, and every policy plugin of the configuration.
    Raises ``PluginError``."""
    ports = Ports(outside.reactor, config.data, outside.environ, storage.offload)
    sections: dict[str, Mapping[str, str]] = {"grants": {}, "bucket-policy": {}, "acl": {}}
    sections |= {s.name: s.options for s in config.plugins if s.kind == "policy"}
    return [plugins.make("policy", name, options, ports) for name, options in sections.items()]


def certificate_files(config: Config, now: float) -> tuple[str, str] | None:
    """The certificate's and the key's file, None without TLS; a self-signed certificate is made
    in ``_z4meta`` when there is none. Raises ``StoreError``."""
    if config.tls_cert is not None and config.tls_key is not None:
        return config.tls_cert, config.tls_key
    if config.tls != "self-signed":
        return None
    from z4tw.web.tls import write_self_signed

    certificate = os.path.join(config.meta, "tls.crt")
    key = os.path.join(config.meta, "tls.key")
    hosts = [config.host] if config.host not in WILDCARDS else []
    for domain in (*config.domain, *config.website_domain):
        hosts += [domain, f"*.{domain}"]
    try:
        write_self_signed(
            certificate, key, hosts, datetime.datetime.fromtimestamp(now, datetime.UTC)
        )
    except OSError as error:
        raise StoreError(f"cannot write {certificate}: {error.strerror}") from error
    return certificate, key


def open_tls(config: Config, now: float) -> Tls | None:
    """The TLS of the S3 port, None without it. Raises ``ConfigError``, ``StoreError``."""
    files = certificate_files(config, now)
    return None if files is None else Tls(*files)
