"""Accounts, users, access keys, buckets and the principal that a request acts as."""

from __future__ import annotations

import enum

import msgspec

from z4tw.model.access import Acl


class Account(msgspec.Struct, frozen=True, array_like=True):
    """Owner of buckets and objects. ``id``: 64 hex digits (S3's canonical user id); ``number``:
    12 decimal digits (in ARNs); ``name``: the DisplayName. Register key: the name."""

    stamp: bytes
    id: str
    number: str
    name: str
    created_ms: int


class User(msgspec.Struct, frozen=True, array_like=True):
    """An identity of an account. The root user of an account has the account's id as ``id``.
    Register key: the id. ``policies`` are identity policies by name, as they were put. A ``role``
    has no keys and is assumed; ``trust`` is the policy that says by whom (empty: by whoever in
    its account is allowed to)."""

    stamp: bytes
    id: str
    account: str  # the account's name
    name: str
    admin: bool = False
    may_create_buckets: bool = True
    policies: dict[str, bytes] = {}
    role: bool = False
    trust: bytes = b""
    created_ms: int = 0


class AccessKey(msgspec.Struct, frozen=True, array_like=True):
    """A credential of a user. ``sealed_secret`` is the secret wrapped by the control key.
    Register key: the access key id. ``name`` is what ``z4 key create NAME`` was told.
    ``policies`` restrict what the user may do with this key."""

    stamp: bytes
    access_key_id: str
    name: str
    user: str  # the user's id
    sealed_secret: bytes
    created_ms: int
    active: bool = True
    policies: dict[str, bytes] = {}


class Grant(enum.IntFlag):
    """What ``z4 bucket allow`` gives a user on a bucket."""

    NONE = 0
    READ = 1
    WRITE = 2
    OWNER = 4


class BucketState(enum.IntEnum):
    """``active -> deleting -> (no record)``; a bucket found not empty goes back to active. ALIAS
    is no bucket: its name stands for the bucket ``alias_of``, as long as that has the incarnation
    of the alias. It has a bucket's register, so that a name is never both."""

    ACTIVE = 0
    DELETING = 1
    ALIAS = 2


class Quota(msgspec.Struct, frozen=True, array_like=True):
    """What a bucket may hold: bytes of all its versions and parts, and versions that are no
    delete markers. 0 means that there is no limit."""

    max_bytes: int = 0
    max_objects: int = 0


class Bucket(msgspec.Struct, frozen=True, array_like=True):
    """A bucket. ``incarnation`` is a random 63-bit number, part of the address of all that it
    holds, so that a bucket created again can never show old keys. ``versioning`` is ``""``,
    ``Enabled`` or ``Suspended``; ``owner`` a canonical account id; ``grants`` maps a user id to
    ``Grant`` flags; ``configurations`` maps a subresource's name to its stored document;
    ``acl`` None: private to the owner. ``aliases`` are names that go with the bucket when it is
    deleted.
    Register key: the name."""

    stamp: bytes
    name: str
    incarnation: int
    owner: str
    created_ms: int
    region: str
    state: int = BucketState.ACTIVE
    versioning: str = ""
    object_ownership: str = "ObjectWriter"
    tags: dict[str, str] = {}
    grants: dict[str, int] = {}
    configurations: dict[str, bytes] = {}
    acl: Acl | None = None
    quota: Quota | None = None
    alias_of: str = ""
    aliases: tuple[str, ...] = ()


class PolicySet(msgspec.Struct, frozen=True):
    """Identity policies that speak together: one of them allowing is enough, one of them denying
    too. ``source`` says for people whose they are; ``documents`` are (name, JSON)."""

    source: str
    documents: tuple[tuple[str, bytes], ...]


class Principal(msgspec.Struct, frozen=True):
    """Who a request acts as, after its signature was verified.

    The anonymous principal has empty ids and may do only what something grants to everyone.
    ``policies`` are what the user was allowed; each of ``limits`` (of its key, of its session) has
    to allow as well, whatever else does. ``session`` is the name of an assumed role's session;
    ``issued_s`` the Unix time when temporary credentials were made (0: they are none).
    ``service`` is the name of a service of the node that acts by itself, as policies name it
    (``logging.s3.amazonaws.com``).
    """

    account_id: str
    account_number: str
    display_name: str
    user_id: str
    user_name: str
    access_key_id: str
    admin: bool = False
    may_create_buckets: bool = False
    service: str = ""
    role: bool = False
    policies: PolicySet | None = None
    limits: tuple[PolicySet, ...] = ()
    session: str = ""
    issued_s: int = 0

    @property
    def anonymous(self) -> bool:
        """True when the request carried no credentials."""
        return not self.access_key_id and not self.service

    @property
    def root(self) -> bool:
        """True for the root user of an account, who may do everything in its buckets."""
        return self.user_id == self.account_id and self.access_key_id != ""

    @property
    def arn(self) -> str:
        """The name of the user or role in policies (``aws:PrincipalArn``), empty for anonymous.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
        """
        if self.anonymous:
            return ""
        if self.root:
            return f"arn:aws:iam::{self.account_number}:root"
        kind = "role" if self.role else "user"
        return f"arn:aws:iam::{self.account_number}:{kind}/{self.user_name}"

    @property
    def spoken(self) -> tuple[PolicySet, ...]:
        """All policies that speak for or against the principal."""
        return self.limits if self.policies is None else (self.policies, *self.limits)

    @property
    def session_arn(self) -> str:
        """The name of who acts: an assumed role's session, else the same as ``arn``."""
        if not (self.role and self.session):
            return self.arn
        name = f"{self.user_name}/{self.session}"
        return f"arn:aws:sts::{self.account_number}:assumed-role/{name}"

    @property
    def requester(self) -> str:
        """Who acts, as access logs say it: the canonical id of a root user, the ARN of others.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html
        """
        return self.account_id if self.root else self.session_arn

    @property
    def unique_id(self) -> str:
        """Who acts, by an id that no other user or role ever has (``aws:userid``)."""
        return f"{self.user_id}:{self.session}" if self.session else self.user_id


ANONYMOUS = Principal("", "", "anonymous", "", "anonymous", "")
