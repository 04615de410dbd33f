"""The plugins that z4tw brings: grants, bucket policies and ACLs (policy), the local keyring
(encryption), and the storage class that compresses (lifecycle)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.plugin import IPlugin
from zope.interface import implementer

from z4tw.interfaces import ILifecycleAction, IPluginFactory, IPolicyEvaluator
from z4tw.keyring.local import LocalKeyringFactory
from z4tw.packed.action import ZstdAction
from z4tw.policy.acl import AclEvaluator
from z4tw.policy.bucket_policy import BucketPolicyEvaluator
from z4tw.policy.grants import GrantsEvaluator


@implementer(IPlugin, IPluginFactory)
class EvaluatorPlugin:
    """A ``policy`` plugin without options, which is always on."""

    kind = "policy"

    def __init__(self, name: str, evaluator: Callable[[], IPolicyEvaluator]) -> None:
        self.name = name
        self._evaluator = evaluator

    def make(self, options: Mapping[str, str], ports: Any) -> IPolicyEvaluator:
        """The evaluator; it has no options."""
        if options:
            raise ValueError(f"there is no option {sorted(options)[0]!r}")
        return self._evaluator()


@implementer(IPlugin)
class LocalKeyringPlugin(LocalKeyringFactory):
    """``encryption`` plugin ``local``: master keys from ``Z4_ENCRYPTION_KEY`` or a key file."""


@implementer(IPlugin, IPluginFactory)
class ZstdPlugin:
    """``lifecycle`` plugin ``zstd``: the storage class ``ZSTD``. It is always on."""

    kind = "lifecycle"
    name = "zstd"

    def make(self, options: Mapping[str, str], ports: Any) -> ILifecycleAction:
        """The action; options: ``level``, ``minimum-size``."""
        return ZstdAction.from_options(options)


bucket_policy = EvaluatorPlugin("bucket-policy", BucketPolicyEvaluator)
"""What PutBucketPolicy put."""
acl = EvaluatorPlugin("acl", AclEvaluator)
"""What the ACLs of buckets and objects grant."""
grants = EvaluatorPlugin("grants", GrantsEvaluator)
"""What ``z4 bucket allow`` gave."""
local = LocalKeyringPlugin()
zstd = ZstdPlugin()
