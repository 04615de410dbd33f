"""The documents that say how open a bucket may be: its public access block, its ownership
controls, and whether its policy is public.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutPublicAccessBlock.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketOwnershipControls.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicyStatus.html
"""

from __future__ import annotations

from collections.abc import Mapping

from z4tw.errors import MalformedXML, MissingRequestBodyError
from z4tw.s3.xml_in import Node, parse_document
from z4tw.s3.xml_text import boolean, document, element

FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
"""The flags of a public access block, in the order of its document."""

OWNERSHIPS = frozenset({"BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"})
"""Who may own the objects of a bucket."""


def parse_public_access_block(body: bytes) -> dict[str, bool]:
    """PutPublicAccessBlock: all flags; one that is not named is off.

    Raises ``MissingRequestBodyError``, ``MalformedXML``.
    """
    if not body:
        raise MissingRequestBodyError()
    flags = dict.fromkeys(FLAGS, False)
    seen: set[str] = set()
    for child in parse_document(body, "PublicAccessBlockConfiguration").children:
        text = _leaf(child).strip().lower()
        if child.name not in flags or child.name in seen or text not in ("true", "false"):
            raise MalformedXML()
        seen.add(child.name)
        flags[child.name] = text == "true"
    return flags


def public_access_block(flags: Mapping[str, bool]) -> bytes:
    """PublicAccessBlockConfiguration."""
    return document(
        "PublicAccessBlockConfiguration",
        *[element(name, boolean(flags[name])) for name in FLAGS],
    )


def parse_ownership_controls(body: bytes) -> str:
    """PutBucketOwnershipControls: the one rule's ownership.

    Raises ``MissingRequestBodyError``, ``MalformedXML``.
    """
    if not body:
        raise MissingRequestBodyError()
    rules = parse_document(body, "OwnershipControls").children
    if len(rules) != 1 or rules[0].name != "Rule" or len(rules[0].children) != 1:
        raise MalformedXML()
    child = rules[0].children[0]
    ownership = _leaf(child).strip()
    if child.name != "ObjectOwnership" or ownership not in OWNERSHIPS:
        raise MalformedXML()
    return ownership


def ownership_controls(ownership: str) -> bytes:
    """OwnershipControls with its one rule."""
    return document("OwnershipControls", f"<Rule>{element('ObjectOwnership', ownership)}</Rule>")


def policy_status(public: bool) -> bytes:
    """PolicyStatus."""
    return document("PolicyStatus", element("IsPublic", boolean(public)))


def _leaf(node: Node) -> str:
    if node.children:
        raise MalformedXML()
    return node.text
