"""The public access block of a bucket, and what makes a policy public.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from z4tw.model.control import Bucket
from z4tw.policy.conditions import Condition, network_of
from z4tw.policy.document import Policy, Statement
from z4tw.policy.patterns import Pattern

CONFIGURATION = "publicAccessBlock"
"""The name of the block among a bucket's configurations."""

TRUSTED_KEYS = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    }
)
"""Condition keys, in lower case, whose fixed values keep a statement from being public."""

_FIXING = frozenset(
    {"ArnEquals", "ArnLike", "IpAddress", "StringEquals", "StringEqualsIgnoreCase", "StringLike"}
)
_BROADEST = {4: 8, 6: 32}
"""The prefix length of the broadest range of addresses that is not the public, by IP version."""


class PublicAccessBlock(msgspec.Struct, frozen=True, rename="pascal"):
    """The four flags. ``block_public_acls``: ACLs that grant to everybody are refused;
    ``ignore_public_acls``: what they grant to everybody is void; ``block_public_policy``: public
    policies are refused; ``restrict_public_buckets``: what a public policy allows, it allows to
    the owner's account only."""

    block_public_acls: bool = False
    ignore_public_acls: bool = False
    block_public_policy: bool = False
    restrict_public_buckets: bool = False


NO_BLOCK = PublicAccessBlock()
"""What a bucket without a block has."""


def pack_block(block: PublicAccessBlock) -> bytes:
    """The stored form: JSON."""
    return msgspec.json.encode(block)


@lru_cache(maxsize=256)
def unpack_block(document: bytes) -> PublicAccessBlock:
    """A block from its stored form. Raises ``msgspec.DecodeError``."""
    return msgspec.json.decode(document, type=PublicAccessBlock)


def block_of(bucket: Bucket) -> PublicAccessBlock:
    """The block of a bucket; no flag is set when it has none."""
    document = bucket.configurations.get(CONFIGURATION)
    return NO_BLOCK if document is None else unpack_block(document)


def is_public(policy: Policy) -> bool:
    """Whether a policy allows anything to the public: to everybody, without a condition that
    fixes who may come or from where.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    ("The meaning of public")
    """
    return any(_is_public(statement) for statement in policy.statements)


def _is_public(statement: Statement) -> bool:
    if not statement.allow or statement.principals is None:
        return False
    if not statement.principals.everyone:
        return False
    return not any(_fixes(condition) for condition in statement.conditions)


def _fixes(condition: Condition) -> bool:
    operator = condition.operator.removeprefix("ForAnyValue:")
    if operator not in _FIXING or condition.key not in TRUSTED_KEYS:
        return False
    if condition.key == "aws:sourceip":
        return operator == "IpAddress" and all(_is_narrow(text) for text in condition.values)
    return operator != "IpAddress" and all(
        Pattern(text, variables=True).fixed for text in condition.values
    )


def _is_narrow(text: str) -> bool:
    network = network_of(text)
    return network.prefixlen >= _BROADEST[network.version]
