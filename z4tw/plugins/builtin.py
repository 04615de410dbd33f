"""The plugins that z4tw brings: grants, bucket policies and ACLs (policy), the local keyring
(encryption), and the storage class that compresses (lifecycle)."""

from __future__ import annotations

from collections.abc import Mapping
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
class GrantsPlugin:
    """``policy`` plugin ``grants``: what ``z4 bucket allow`` gave. It is always on."""

    kind = "policy"
    name = "grants"

    def make(self, options: Mapping[str, str], ports: Any) -> IPolicyEvaluator:
        """The evaluator; it has no options."""
        if options:
            raise ValueError(f"there is no option {sorted(options)[0]!r}")
        return GrantsEvaluator()


@implementer(IPlugin, IPluginFactory)
class BucketPolicyPlugin:
    """``policy`` plugin ``bucket-policy``: what PutBucketPolicy put. It is always on."""

    kind = "policy"
    name = "bucket-policy"

    def make(self, options: Mapping[str, str], ports: Any) -> IPolicyEvaluator:
        """The evaluator; it has no options."""
        if options:
            raise ValueError(f"there is no option {sorted(options)[0]!r}")
        return BucketPolicyEvaluator()


@implementer(IPlugin, IPluginFactory)
class AclPlugin:
    """``policy`` plugin ``acl``: what the ACLs of buckets and objects grant. It is always on."""

    kind = "policy"
    name = "acl"

    def make(self, options: Mapping[str, str], ports: Any) -> IPolicyEvaluator:
        """The evaluator; it has no options."""
        if options:
            raise ValueError(f"there is no option {sorted(options)[0]!r}")
        return AclEvaluator()


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


bucket_policy = BucketPolicyPlugin()
acl = AclPlugin()
grants = GrantsPlugin()
local = LocalKeyringPlugin()
zstd = ZstdPlugin()
