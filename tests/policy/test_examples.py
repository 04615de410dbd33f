"""What AWS's example policies mean, as a table: each with requests that it lets in and keeps out.

The documents are written anew after the meaning of those at
https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from tests.policy.documents import (
    ALICE,
    ARN,
    BOB,
    BUCKET,
    NOBODY,
    OBJECTS,
    OTHER_ROOT,
    ROOT,
    document,
    request,
    statement,
)
from z4tw.interfaces import Effect, PolicyRequest
from z4tw.policy.bucket_policy import BucketPolicyEvaluator
from z4tw.policy.document import parse_policy
from z4tw.policy.evaluate import evaluate

GET, PUT, LIST = "s3:GetObject", "s3:PutObject", "s3:ListBucket"
OTHER = {"AWS": "222222222222"}


class Example(NamedTuple):
    """``allowed``, ``denied`` and ``untouched`` are requests with those answers."""

    name: str
    statements: list[Any]
    allowed: list[PolicyRequest]
    denied: list[PolicyRequest]
    untouched: list[PolicyRequest]


def tls(secure: str) -> dict[str, str]:
    return {"aws:SecureTransport": secure}


EXAMPLES = [
    Example(
        "read-only for the anonymous public",
        [statement()],
        [request(GET, "a"), request(GET, "a", BOB)],
        [],
        [request(PUT, "a"), request(LIST), request("s3:GetObjectVersion", "a")],
    ),
    Example(
        "only over TLS",
        [statement("Deny", "s3:*", [ARN, OBJECTS], Condition={"Bool": tls("false")})],
        [],
        [request(GET, "a", ROOT, tls("false")), request(LIST, "", BOB, tls("false"))],
        [request(GET, "a", ROOT, tls("true"))],
    ),
    Example(
        "uploads by another account if the owner gets full control",
        [
            statement(
                action=PUT,
                principal=OTHER,
                Condition={"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
            )
        ],
        [request(PUT, "a", BOB, {"s3:x-amz-acl": "bucket-owner-full-control"})],
        [],
        [
            request(PUT, "a", BOB),
            request(PUT, "a", BOB, {"s3:x-amz-acl": "public-read"}),
            request(PUT, "a", NOBODY, {"s3:x-amz-acl": "bucket-owner-full-control"}),
            request(GET, "a", BOB),
        ],
    ),
    Example(
        "no uploads without server-side encryption",
        [
            statement("Deny", PUT, Condition={"Null": {"s3:x-amz-server-side-encryption": "true"}}),
            statement(
                "Deny",
                PUT,
                Condition={
                    "StringNotEqualsIfExists": {"s3:x-amz-server-side-encryption": "AES256"}
                },
            ),
        ],
        [],
        [
            request(PUT, "a", ROOT),
            request(PUT, "a", ROOT, {"s3:x-amz-server-side-encryption": "aws:kms"}),
        ],
        [
            request(PUT, "a", ROOT, {"s3:x-amz-server-side-encryption": "AES256"}),
            request(GET, "a", ROOT),
        ],
    ),
    Example(
        "only from some networks, one address of them excepted",
        [
            statement(
                action="s3:*",
                resource=[ARN, OBJECTS],
                Condition={
                    "IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "2001:db8:1234::/48"]},
                    "NotIpAddress": {"aws:SourceIp": "192.0.2.188/32"},
                },
            )
        ],
        [
            request(GET, "a", NOBODY, {"aws:SourceIp": "192.0.2.1"}),
            request(LIST, "", NOBODY, {"aws:SourceIp": "2001:db8:1234:5678::1"}),
        ],
        [],
        [
            request(GET, "a", NOBODY, {"aws:SourceIp": "192.0.2.188"}),
            request(GET, "a", NOBODY, {"aws:SourceIp": "203.0.113.1"}),
            request(GET, "a", NOBODY, {"aws:SourceIp": "2001:db8:1235::1"}),
        ],
    ),
    Example(
        "pages of one site may show the pictures",
        [statement(Condition={"StringLike": {"aws:Referer": ["https://www.example.com/*"]}})],
        [request(GET, "a", NOBODY, {"aws:Referer": "https://www.example.com/x.html"})],
        [],
        [
            request(GET, "a", NOBODY, {"aws:Referer": "https://www.example.org/"}),
            request(GET, "a"),
        ],
    ),
    Example(
        "everybody has a folder of the own name",
        [
            statement(
                action=[GET, PUT],
                resource=f"{ARN}/home/${{aws:username}}/*",
                principal={"AWS": "111111111111"},
            ),
            statement(
                action=LIST,
                resource=ARN,
                principal={"AWS": "111111111111"},
                Condition={"StringLike": {"s3:prefix": ["", "home/${aws:username}/*"]}},
            ),
        ],
        [
            request(PUT, "home/alice/x", ALICE, {"aws:username": "alice"}),
            request(LIST, "", ALICE, {"aws:username": "alice", "s3:prefix": "home/alice/"}),
            request(LIST, "", ALICE, {"aws:username": "alice", "s3:prefix": ""}),
        ],
        [],
        [
            request(PUT, "home/bob/x", ALICE, {"aws:username": "alice"}),
            request(LIST, "", ALICE, {"aws:username": "alice", "s3:prefix": "home/"}),
            request(LIST, "", ALICE, {"aws:username": "alice"}),
            request(PUT, "home/bob/x", BOB, {"aws:username": "bob"}),
        ],
    ),
    Example(
        "one user of another account lists a prefix, ten keys at a time",
        [
            statement(
                action=LIST,
                resource=ARN,
                principal={"AWS": "arn:aws:iam::222222222222:user/bob"},
                Condition={
                    "StringEquals": {"s3:prefix": "projects", "s3:delimiter": "/"},
                    "NumericLessThanEquals": {"s3:max-keys": "10"},
                },
            )
        ],
        [
            request(
                LIST, "", BOB, {"s3:prefix": "projects", "s3:delimiter": "/", "s3:max-keys": "10"}
            )
        ],
        [],
        [
            request(
                LIST, "", BOB, {"s3:prefix": "projects", "s3:delimiter": "/", "s3:max-keys": "11"}
            ),
            request(LIST, "", BOB, {"s3:prefix": "projects", "s3:delimiter": "/"}),
            request(
                LIST,
                "",
                OTHER_ROOT,
                {"s3:prefix": "projects", "s3:delimiter": "/", "s3:max-keys": "1"},
            ),
        ],
    ),
    Example(
        "only objects with a tag can be read",
        [
            statement(
                principal=OTHER,
                Condition={"StringEquals": {"s3:ExistingObjectTag/environment": "production"}},
            )
        ],
        [request(GET, "a", BOB, tags={"environment": "production", "x": "y"})],
        [],
        [
            request(GET, "a", BOB, tags={"environment": "test"}),
            request(GET, "a", BOB, tags={}),
            request(GET, "a", BOB),
        ],
    ),
    Example(
        "which tags may be set, and to what",
        [
            statement(
                action="s3:PutObjectTagging",
                principal=OTHER,
                Condition={
                    "ForAllValues:StringLike": {"s3:RequestObjectTagKeys": ["Owner", "Team*"]},
                    "StringEqualsIfExists": {"s3:RequestObjectTag/Owner": "bob"},
                },
            )
        ],
        [
            request(
                "s3:PutObjectTagging",
                "a",
                BOB,
                {"s3:RequestObjectTagKeys": ("Owner", "Team1"), "s3:RequestObjectTag/Owner": "bob"},
            ),
            request("s3:PutObjectTagging", "a", BOB, {"s3:RequestObjectTagKeys": ("Team",)}),
        ],
        [],
        [
            request("s3:PutObjectTagging", "a", BOB, {"s3:RequestObjectTagKeys": ("Other",)}),
            request(
                "s3:PutObjectTagging",
                "a",
                BOB,
                {"s3:RequestObjectTagKeys": ("Owner",), "s3:RequestObjectTag/Owner": "al"},
            ),
        ],
    ),
    Example(
        "copies only from one folder",
        [
            statement(action=PUT, principal=OTHER),
            statement(
                "Deny",
                PUT,
                principal=OTHER,
                Condition={
                    "StringNotLike": {"s3:x-amz-copy-source": f"{BUCKET}/public/*"},
                    "Null": {"s3:x-amz-copy-source": "false"},
                },
            ),
        ],
        [
            request(PUT, "a", BOB),
            request(PUT, "a", BOB, {"s3:x-amz-copy-source": f"{BUCKET}/public/x"}),
        ],
        [request(PUT, "a", BOB, {"s3:x-amz-copy-source": f"{BUCKET}/private/x"})],
        [request(PUT, "a", NOBODY)],
    ),
    Example(
        "presigned URLs no older than ten minutes, and only with version 4",
        [
            statement(
                "Deny",
                "s3:*",
                [ARN, OBJECTS],
                Condition={"NumericGreaterThan": {"s3:signatureAge": 600_000}},
            ),
            statement(
                "Deny",
                "s3:*",
                [ARN, OBJECTS],
                Condition={"StringNotEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}},
            ),
        ],
        [],
        [
            request(GET, "a", ROOT),
            request(GET, "a", ROOT, {"s3:signatureAge": "600001"}),
            request(GET, "a", ROOT, {"s3:signatureversion": "AWS"}),
        ],
        [
            request(
                GET,
                "a",
                ROOT,
                {"s3:signatureAge": "600000", "s3:signatureversion": "AWS4-HMAC-SHA256"},
            ),
        ],
    ),
    Example(
        "until a date",
        [
            statement(
                Condition={
                    "DateGreaterThan": {"aws:CurrentTime": "2026-06-01T00:00:00Z"},
                    "DateLessThan": {"aws:CurrentTime": "2026-07-01T00:00:00Z"},
                }
            )
        ],
        [request(GET, "a", NOBODY, {"aws:CurrentTime": "2026-06-15T12:00:00Z"})],
        [],
        [
            request(GET, "a", NOBODY, {"aws:CurrentTime": "2026-07-01T00:00:00Z"}),
            request(GET, "a", NOBODY, {"aws:CurrentTime": "2026-05-31T23:59:59Z"}),
        ],
    ),
    Example(
        "everything but deleting, for everybody but the root user",
        [
            statement(
                "Deny",
                ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:DeleteBucket"],
                [ARN, OBJECTS],
                principal=None,
                NotPrincipal={"AWS": "arn:aws:iam::111111111111:user/alice"},
            )
        ],
        [],
        [request("s3:DeleteObject", "a", ROOT), request("s3:DeleteBucket", "", BOB)],
        [request("s3:DeleteObject", "a", ALICE), request(GET, "a", ROOT)],
    ),
    Example(
        "writes only if nothing is there yet",
        [
            statement(
                "Deny",
                PUT,
                Condition={
                    "Null": {"s3:if-none-match": "true"},
                    "Bool": {"s3:ObjectCreationOperation": "true"},
                },
            )
        ],
        [],
        [request(PUT, "a", ROOT, {"s3:ObjectCreationOperation": "true"})],
        [
            request(
                PUT, "a", ROOT, {"s3:ObjectCreationOperation": "true", "s3:if-none-match": "*"}
            ),
            request(PUT, "a", ROOT, {"s3:ObjectCreationOperation": "false"}),
        ],
    ),
    Example(
        "no retention beyond thirty days",
        [
            statement(
                "Deny",
                "s3:PutObjectRetention",
                Condition={"NumericGreaterThan": {"s3:object-lock-remaining-retention-days": "30"}},
            )
        ],
        [],
        [
            request(
                "s3:PutObjectRetention",
                "a",
                ROOT,
                {"s3:object-lock-remaining-retention-days": "31"},
            )
        ],
        [
            request(
                "s3:PutObjectRetention",
                "a",
                ROOT,
                {"s3:object-lock-remaining-retention-days": "30"},
            ),
            request("s3:PutObjectRetention", "a", ROOT),
        ],
    ),
    Example(
        "only one organization's principals, which nobody here is of",
        [statement(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-aa111bb222"}})],
        [],
        [],
        [request(GET, "a", BOB), request(GET, "a", ROOT)],
    ),
    Example(
        "logs are written by the service of logs only",
        [
            statement(
                action=PUT,
                resource=f"{ARN}/logs/*",
                principal={"Service": "logging.s3.amazonaws.com"},
                Condition={"StringEquals": {"aws:SourceAccount": "111111111111"}},
            )
        ],
        [],
        [],
        [request(PUT, "logs/a", BOB), request(PUT, "logs/a", NOBODY)],
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name)
def test_an_example(example: Example) -> None:
    policy = parse_policy(document(*example.statements), bucket=BUCKET)
    assert example.untouched
    assert example.allowed or example.denied or "nobody" in example.name or "only" in example.name
    for requests, effect in (
        (example.allowed, Effect.ALLOW),
        (example.denied, Effect.DENY),
        (example.untouched, Effect.ABSTAIN),
    ):
        for one in requests:
            decision = evaluate(policy, one)
            assert decision.effect is effect, (one, decision)


def test_who_has_no_policy_is_told_nothing() -> None:
    assert BucketPolicyEvaluator().evaluate(request(GET, "a")).effect is Effect.ABSTAIN
