"""The plugin interfaces, and the values that they exchange.

A plugin is a module-level object that provides ``IPluginFactory`` and one of the factory's
kinds, found by ``twisted.plugin.getPlugins`` in ``z4tw.plugins`` and in any package that extends
that path. ``doc/plugins.rst`` shows one from scratch.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

import msgspec
from zope.interface import Attribute, Interface

from z4tw.model.control import Bucket, Principal
from z4tw.model.objects import Version


class IPluginFactory(Interface):
    """A named maker of one worker object from a section of the configuration."""

    kind = Attribute("``policy``, ``encryption``, ``lifecycle`` or ``events``.")
    name = Attribute("The name that the configuration uses, unique within a kind.")

    def make(options: Mapping[str, str], ports: Any) -> Any:
        """The worker object, a provider of the kind's interface, from its configuration section.

        ``ports`` has what a plugin may use of the outside: ``reactor`` (IReactorTime),
        ``data_dir`` (str), ``environ`` (mapping), ``offload`` (IOffload). Raises ``ValueError`` with
        one line for a wrong option: the server then does not start."""


class Effect(enum.Enum):
    """What an evaluator says: an explicit deny wins over any allow; silence is a deny."""

    ALLOW = "allow"
    DENY = "deny"
    ABSTAIN = "abstain"


class Decision(msgspec.Struct, frozen=True):
    """An effect and why, for ``z4 explain`` (no secrets).

    ``names_user`` of an allow: it is meant for this very user, or for everybody. Such an allow is
    enough for a user of the account that owns the bucket; any other counts as given to the user's
    account, whose root user it is enough for, and an identity policy must allow its other users
    as well.
    """

    effect: Effect
    reason: str
    names_user: bool = False


class PolicyRequest(msgspec.Struct, frozen=True):
    """One action to be judged.

    ``action`` is an IAM name (``s3:GetObject``); ``bucket`` is None for ListAllMyBuckets and
    CreateBucket; ``key`` is empty for bucket actions. ``version`` is the version acted upon, None
    where there is none or an evaluator has not asked for it yet. ``context`` maps condition keys
    (``aws:SourceIp``, ``s3:prefix``, ...) to values, a tuple for keys that have several.
    ``resource`` is the ARN of what is no bucket or key (as of ``sts:AssumeRole``).
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
    """

    principal: Principal
    action: str
    bucket_name: str
    bucket: Bucket | None
    key: str
    context: Mapping[str, str | tuple[str, ...]]
    version: Version | None = None
    resource: str = ""


class IPolicyEvaluator(Interface):
    """Judges actions. All configured evaluators are asked; pure and quick, never waits."""

    def evaluate(request: PolicyRequest) -> Decision:
        """Allow, deny or abstain, with the reason."""


class ISelectiveEvaluator(IPolicyEvaluator):
    """An evaluator that knows beforehand when it has nothing to say, so that requests need not
    wait for it. One that does not provide this may always deny, and never sees versions."""

    def may_deny(principal: Principal, bucket: Bucket | None) -> bool:
        """Whether it might deny this principal anything on this bucket. It is not asked where a
        built-in rule allows and this is False."""

    def needs_version(request: PolicyRequest) -> bool:
        """Whether its answer depends on the object's version (its owner, ACL or tags), which is
        then looked up and handed to it. Asked of actions on a key only."""


class IDocumentEvaluator(ISelectiveEvaluator):
    """An evaluator that may judge by what a request's document says, which is read only after
    the request was let in: such a request is then judged when its document has been read."""

    def needs_document(request: PolicyRequest) -> bool:
        """Whether its answer depends on condition keys that the document holds, as the tags of
        PutObjectTagging (``s3:RequestObjectTag/...``)."""


class IKeyring(Interface):
    """Wraps the store's key-encryption keys with a master key that it guards.

    Used at start and at rotation only, so it may be remote; data keys never reach it.
    """

    key_id = Attribute("The id of the master key that wraps now, as str.")

    def wrap(key: bytes, context: Mapping[str, str]) -> Awaitable[bytes]:
        """*async* A 32-byte key, wrapped; the text of ``context`` is bound to it as associated
        data."""

    def unwrap(wrapped: bytes, context: Mapping[str, str]) -> Awaitable[bytes]:
        """*async* The key again. Raises ``WrongMasterKey`` when it was wrapped by another master
        key or the context differs."""


class IRewrappingKeyring(IKeyring):
    """A keyring whose master key has versions of its own."""

    def rewrap(wrapped: bytes, context: Mapping[str, str]) -> Awaitable[bytes]:
        """*async* A wrapped key under the newest version of the master key; the same bytes if that
        is what wraps it already."""


class ITransition(Interface):
    """One version on its way to another storage class."""

    bucket = Attribute("The ``Bucket``.")
    key = Attribute("The key, as str.")
    version = Attribute("The ``Version``, as it was when the rule was judged.")

    def open() -> Awaitable[Any]:
        """*async* The version's bytes: an ``IBodySource``, or bytes when they are few. Raises
        ``FileNotFoundError`` when the version was removed meanwhile, ``CorruptBlob``."""

    def pack(level: int) -> Awaitable[None]:
        """*async* Store the bytes compressed (Zstandard of that level) from now on, where that
        makes them smaller. What clients see of the object stays the same."""


class ILifecycleAction(Interface):
    """What a transition to a storage class of its own does to a version. The expirer daemon calls
    it in the store process, for one version at a time."""

    storage_class = Attribute(
        "The class's name in rules and answers: 1 to 64 of ``A-Z0-9_``, none of S3's."
    )

    def act(transition: ITransition) -> Awaitable[None]:
        """*async* Do what the class stands for; the version has the class when this has fired.

        An exception leaves the version as it was, and is logged; the next walk tries again. It
        may be called again for a version after a crash: repeating it must be harmless."""


class IEventSink(Interface):
    """Receives bucket events from a durable outbox, at least once each and in order."""

    batch = Attribute("How many messages one delivery takes at most, as int.")

    def deliver(messages: Sequence[Mapping[str, Any]]) -> Awaitable[None]:
        """*async* Deliver messages as AWS writes them (``{"Records": [...]}`` of structure 2.x, or
        a test event). They count as delivered when this fires; after an exception all of them are
        delivered again later. It must end by itself, and can be cancelled when it is a
        ``Deferred``."""
