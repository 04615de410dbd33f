"""What the processes of a node build alike: evaluators, certificates, limits."""

from __future__ import annotations

import os
import resource
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from zope.interface import implementer

from tests.node.support import NOW, Opened, make_config, make_outside
from z4tw.config import Config, ConfigError, PluginSection
from z4tw.interfaces import Decision, Effect, IPolicyEvaluator, PolicyRequest
from z4tw.node.failures import StoreError
from z4tw.node.shared import (
    SWITCH_INTERVAL_S,
    certificate_files,
    make_evaluators,
    open_tls,
    tune_process,
)
from z4tw.plugins.builtin import acl, bucket_policy, grants
from z4tw.plugins.registry import PluginError, Plugins


@implementer(IPolicyEvaluator)
class Refusing:
    def evaluate(self, request: PolicyRequest) -> Decision:
        return Decision(Effect.DENY, "closed")


class Factory:
    kind, name = "policy", "closed"

    def make(self, options: Any, ports: Any) -> Refusing:
        if ports.data_dir == "" or options != {"why": "holiday"}:
            raise ValueError("the option why is needed")
        return Refusing()


def with_section(config: Config, kind: str, name: str, **options: str) -> Config:
    import msgspec

    section = PluginSection(kind, name, options)
    return msgspec.structs.replace(config, plugins=(*config.plugins, section))


class TestEvaluators:
    def make(self, tmp_path: Path, config: Config) -> list[Any]:
        with Opened(make_config(tmp_path / "d")) as storage:
            plugins = Plugins((grants, acl, bucket_policy, Factory()))
            return make_evaluators(plugins, config, storage, make_outside())

    def test_grants_acls_and_bucket_policies_are_always_asked(self, tmp_path: Path) -> None:
        evaluators = self.make(tmp_path, make_config(tmp_path / "d"))
        names = [type(evaluator).__name__ for evaluator in evaluators]
        assert sorted(names) == ["AclEvaluator", "BucketPolicyEvaluator", "GrantsEvaluator"]

    def test_configured_ones_come_beside_them(self, tmp_path: Path) -> None:
        config = with_section(make_config(tmp_path / "d"), "policy", "closed", why="holiday")
        assert len(self.make(tmp_path, config)) == 4

    def test_a_wrong_option_is_told(self, tmp_path: Path) -> None:
        config = with_section(make_config(tmp_path / "d"), "policy", "closed")
        with pytest.raises(PluginError, match=r"plugins.policy.closed: the option why is needed"):
            self.make(tmp_path, config)


class TestTls:
    def test_there_is_none_unless_it_is_asked_for(self, tmp_path: Path) -> None:
        assert open_tls(make_config(tmp_path), NOW) is None

    def test_files_are_used_as_they_are(self, tmp_path: Path) -> None:
        config = make_config(tmp_path, tls_cert="/c.pem", tls_key="/k.pem")
        assert certificate_files(config, NOW) == ("/c.pem", "/k.pem")
        with pytest.raises(ConfigError, match=r"/c\.pem cannot be read"):
            open_tls(config, NOW)

    def test_a_self_signed_certificate_is_made_once(self, tmp_path: Path) -> None:
        config = make_config(
            tmp_path, tls="self-signed", domain="s3.local", website_domain="w.local"
        )
        os.makedirs(config.meta)
        assert open_tls(config, NOW) is not None
        certificate, key = certificate_files(config, NOW) or ("", "")
        assert stat.S_IMODE(os.stat(key).st_mode) == 0o600
        before = Path(certificate).read_bytes()
        names = x509.load_pem_x509_certificate(before).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
        hosts = names.value.get_values_for_type(x509.DNSName)
        assert {"s3.local", "*.s3.local", "w.local", "*.w.local"} <= set(hosts)
        assert open_tls(config, NOW) is not None
        assert Path(certificate).read_bytes() == before

    def test_a_directory_that_cannot_be_written_is_told(self, tmp_path: Path) -> None:
        config = make_config(tmp_path / "nothing", tls="self-signed")
        with pytest.raises(StoreError, match="cannot write"):
            certificate_files(config, NOW)


def test_a_process_may_have_as_many_connections_as_the_system_allows() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    interval = sys.getswitchinterval()
    try:
        tune_process()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= soft
        assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL_S)
    finally:
        sys.setswitchinterval(interval)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
