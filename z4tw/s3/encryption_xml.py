"""The documents of a bucket's default encryption and of UpdateObjectEncryption.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketEncryption.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_UpdateObjectEncryption.html
"""

from __future__ import annotations

from typing import NamedTuple

from z4tw.errors import InvalidArgument, InvalidRequest, MalformedXML, MissingRequestBodyError
from z4tw.model.objects import SSE_KMS, SSE_S3
from z4tw.s3.encryption import Wish, check_method
from z4tw.s3.xml_fields import children_of, text_of
from z4tw.s3.xml_in import Node, parse_document
from z4tw.s3.xml_text import boolean, document, element, optional

BLOCKED_CUSTOMER_KEYS = "SSE-C"
BLOCKED_NOTHING = "NONE"
_MAX_KEY_ID = 2048


class EncryptionRule(NamedTuple):
    """A bucket's configuration: what new objects get unless they say otherwise (None: what the
    store does by itself), and what may not be asked for. ``blocked`` holds the configured types."""

    wish: Wish | None
    blocked: tuple[str, ...] = ()

    @property
    def blocks_customer_keys(self) -> bool:
        """Whether new objects may not be encrypted with customers' keys."""
        return BLOCKED_CUSTOMER_KEYS in self.blocked


def parse_encryption(body: bytes) -> EncryptionRule:
    """ServerSideEncryptionConfiguration with its one rule.

    Raises ``MissingRequestBodyError``, ``MalformedXML``, ``InvalidArgument``, ``NotImplemented``.
    """
    if not body:
        raise MissingRequestBodyError()
    root = parse_document(body, "ServerSideEncryptionConfiguration")
    if len(root.children) != 1 or root.children[0].name != "Rule":
        raise MalformedXML()
    children = children_of(
        root.children[0],
        {"ApplyServerSideEncryptionByDefault", "BucketKeyEnabled", "BlockedEncryptionTypes"},
    )
    bucket_key = None
    if "BucketKeyEnabled" in children:
        bucket_key = _truth(children["BucketKeyEnabled"])
    wish = None
    if "ApplyServerSideEncryptionByDefault" in children:
        wish = _default(children["ApplyServerSideEncryptionByDefault"], bucket_key)
    elif bucket_key is not None or "BlockedEncryptionTypes" not in children:
        raise MalformedXML()
    blocked: tuple[str, ...] = ()
    if "BlockedEncryptionTypes" in children:
        blocked = _blocked(children["BlockedEncryptionTypes"])
    return EncryptionRule(wish, blocked)


def _default(node: Node, bucket_key: bool | None) -> Wish:
    fields = {
        name: text_of(child).strip()
        for name, child in children_of(node, {"SSEAlgorithm", "KMSMasterKeyID"}).items()
    }
    if "SSEAlgorithm" not in fields:
        raise MalformedXML()
    method = fields["SSEAlgorithm"]
    if method != SSE_S3 and not method.startswith("aws:"):
        raise MalformedXML()
    check_method(method, "SSEAlgorithm")
    key_id = fields.get("KMSMasterKeyID", "")
    if method != SSE_KMS and "KMSMasterKeyID" in fields:
        raise InvalidArgument(
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or "
            "aws:kms:dsse",
            ArgumentName="ApplyServerSideEncryptionByDefault",
        )
    if len(key_id) > _MAX_KEY_ID:
        raise MalformedXML()
    return Wish(method, key_id, bucket_key=bucket_key)


def _blocked(node: Node) -> tuple[str, ...]:
    """Types are EncryptionType elements, which may be there several times."""
    types = []
    for child in node.children:
        if child.name != "EncryptionType":
            raise MalformedXML()
        types.append(text_of(child).strip())
    if not types or len(set(types)) != len(types):
        raise MalformedXML()
    if set(types) - {BLOCKED_CUSTOMER_KEYS, BLOCKED_NOTHING}:
        raise MalformedXML()
    if BLOCKED_NOTHING in types and len(types) > 1:
        raise MalformedXML()
    return tuple(types)


def encryption_document(rule: EncryptionRule) -> bytes:
    """ServerSideEncryptionConfiguration of a rule."""
    pieces = []
    if rule.wish is not None:
        default = element("SSEAlgorithm", rule.wish.method)
        default += optional("KMSMasterKeyID", rule.wish.key_id)
        pieces.append(
            f"<ApplyServerSideEncryptionByDefault>{default}</ApplyServerSideEncryptionByDefault>"
        )
        pieces.append(f"<BucketKeyEnabled>{boolean(bool(rule.wish.bucket_key))}</BucketKeyEnabled>")
    if rule.blocked:
        types = "".join([element("EncryptionType", name) for name in rule.blocked])
        pieces.append(f"<BlockedEncryptionTypes>{types}</BlockedEncryptionTypes>")
    return document("ServerSideEncryptionConfiguration", f"<Rule>{''.join(pieces)}</Rule>")


def parse_object_encryption(body: bytes) -> Wish:
    """ObjectEncryption: the SSE-KMS key, by its ARN, that an object is to have.

    Raises ``MissingRequestBodyError``, ``MalformedXML``, ``InvalidRequest``.
    """
    if not body:
        raise MissingRequestBodyError()
    root = parse_document(body, "ObjectEncryption")
    types = children_of(root, {"SSE-KMS", "SSE-S3"})
    if "SSE-KMS" not in types or len(types) != 1:
        raise InvalidRequest(
            "Requests that modify an object encryption configuration require a valid new "
            "encryption type. Valid values are SSEKMS. Modify the request to specify SSE-KMS for "
            "the updated encryption type, and then try again."
        )
    fields = children_of(types["SSE-KMS"], {"KMSKeyArn", "BucketKeyEnabled"})
    arn = text_of(fields["KMSKeyArn"]).strip() if "KMSKeyArn" in fields else ""
    if not arn or len(arn) > _MAX_KEY_ID:
        raise InvalidRequest(
            "Requests that modify an object's encryption type to SSE-KMS require an Amazon Web "
            "Services KMS key Amazon Resource Name (ARN). Modify the request to specify a KMS key "
            "ARN, and then try again."
        )
    parts = arn.split(":", 5)
    if len(parts) != 6 or not parts[5].startswith("key/") or parts[2] != "kms":
        raise InvalidRequest(
            "Requests that modify an object's encryption type to SSE-KMS require a valid Amazon "
            "Web Services KMS key Amazon Resource Name (ARN). Confirm that you have a correctly "
            "formatted KMS key ARN in your request, and then try again."
        )
    bucket_key = _truth(fields["BucketKeyEnabled"]) if "BucketKeyEnabled" in fields else False
    return Wish(SSE_KMS, arn, bucket_key=bucket_key)


def _truth(node: Node) -> bool:
    text = text_of(node).strip().lower()
    if text not in ("true", "false"):
        raise MalformedXML()
    return text == "true"
