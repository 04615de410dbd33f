"""Administration as the command line and the admin socket call it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from z4tw.interfaces.plugins import IPolicyEvaluator
from z4tw.ops.accounts import AdminError, RandomBytes
from z4tw.ops.admin_aliases import AliasAdmin
from z4tw.ops.admin_buckets import BucketAdmin
from z4tw.ops.admin_explain import ExplainAdmin
from z4tw.ops.admin_keys import KeyAdmin
from z4tw.ops.admin_policies import PolicyAdmin
from z4tw.ops.admin_users import UserAdmin
from z4tw.ops.context import Settings
from z4tw.ops.control import Stamp

__all__ = ["COMMANDS", "Admin", "AdminError"]

COMMANDS = (
    "bucket_alias_add",
    "bucket_alias_list",
    "bucket_alias_remove",
    "bucket_allow",
    "bucket_create",
    "bucket_delete",
    "bucket_deny",
    "bucket_info",
    "bucket_list",
    "bucket_quota",
    "ensure_root_key",
    "explain",
    "explain_signature",
    "key_activate",
    "key_create",
    "key_deactivate",
    "key_delete",
    "key_import",
    "key_info",
    "key_list",
    "key_policy_delete",
    "key_policy_get",
    "key_policy_list",
    "key_policy_put",
    "role_trust",
    "user_create",
    "user_delete",
    "user_info",
    "user_list",
    "user_policy_delete",
    "user_policy_get",
    "user_policy_list",
    "user_policy_put",
)
"""The coroutine methods of ``Admin`` that may be called by name from the admin socket."""


class Admin:
    """Every administration command, as a coroutine that answers plain dicts.

    ``secrets`` seals and unseals secret keys; ``stamp`` makes the stamps of changes;
    ``random_bytes(n)`` is secure; ``evaluators`` makes the policy evaluators for ``explain``.
    Commands raise ``AdminError`` with one line of text.
    """

    def __init__(
        self,
        *,
        store: Any,
        secrets: Any,
        settings: Settings,
        stamp: Stamp,
        random_bytes: RandomBytes,
        evaluators: Callable[[], Iterable[IPolicyEvaluator]] = tuple,
    ) -> None:
        keys = KeyAdmin(store=store, secrets=secrets, stamp=stamp, random_bytes=random_bytes)
        buckets = BucketAdmin(
            store=store, settings=settings, stamp=stamp, random_bytes=random_bytes
        )
        aliases = AliasAdmin(store=store, stamp=stamp)
        users = UserAdmin(store=store, stamp=stamp, random_bytes=random_bytes)
        policies = PolicyAdmin(store=store, stamp=stamp)
        explaining = ExplainAdmin(
            store=store,
            secrets=secrets,
            region=settings.region,
            stamp=stamp,
            random_bytes=random_bytes,
            evaluators=evaluators,
        )
        self.explain = explaining.explain
        self.explain_signature = explaining.explain_signature
        self.key_activate = keys.key_activate
        self.key_deactivate = keys.key_deactivate
        self.key_create = keys.key_create
        self.key_import = keys.key_import
        self.key_list = keys.key_list
        self.key_info = keys.key_info
        self.key_delete = keys.key_delete
        self.ensure_root_key = keys.ensure_root_key
        self.key_policy_put = policies.key_policy_put
        self.key_policy_get = policies.key_policy_get
        self.key_policy_list = policies.key_policy_list
        self.key_policy_delete = policies.key_policy_delete
        self.user_create = users.user_create
        self.user_list = users.user_list
        self.user_info = users.user_info
        self.user_delete = users.user_delete
        self.user_policy_put = policies.user_policy_put
        self.user_policy_get = policies.user_policy_get
        self.user_policy_list = policies.user_policy_list
        self.user_policy_delete = policies.user_policy_delete
        self.role_trust = policies.role_trust
        self.bucket_create = buckets.bucket_create
        self.bucket_list = buckets.bucket_list
        self.bucket_info = buckets.bucket_info
        self.bucket_delete = buckets.bucket_delete
        self.bucket_allow = buckets.bucket_allow
        self.bucket_deny = buckets.bucket_deny
        self.bucket_quota = buckets.bucket_quota
        self.bucket_alias_add = aliases.bucket_alias_add
        self.bucket_alias_remove = aliases.bucket_alias_remove
        self.bucket_alias_list = aliases.bucket_alias_list
