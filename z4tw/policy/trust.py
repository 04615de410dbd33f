"""Trust policies: who may assume a role.

They are policies with principals and without resources, about ``sts:AssumeRole`` alone.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_terms-and-concepts.html
"""

from __future__ import annotations

import json
from functools import lru_cache

from z4tw.errors import MalformedPolicy
from z4tw.policy.document import Policy, parse_policy, read_json
from z4tw.policy.principals import parse_principals

ASSUME_ROLE = "sts:AssumeRole"


@lru_cache(maxsize=256)
def trust_policy(document: bytes) -> Policy:
    """A trust policy that was read. Raises ``MalformedPolicy``."""
    content = read_json(document)
    statements = content.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not all(isinstance(one, dict) for one in statements):
        raise MalformedPolicy("Missing required field Statement")
    stripped = []
    principals = []
    for one in statements:
        if "Resource" in one or "NotResource" in one:
            raise MalformedPolicy("Has prohibited field Resource")
        if "Principal" not in one:
            raise MalformedPolicy("Missing required field Principal")
        actions = one.get("Action")
        if actions not in (ASSUME_ROLE, [ASSUME_ROLE]):
            raise MalformedPolicy("AssumeRole policy may only specify the action sts:AssumeRole")
        principals.append(parse_principals(one["Principal"]))
        kept = {name: value for name, value in one.items() if name != "Principal"}
        stripped.append({**kept, "Resource": "*"})
    text = json.dumps({**content, "Statement": stripped})
    policy = parse_policy(text.encode(), bucket=None)
    return Policy(
        policy.version,
        policy.id,
        tuple(
            statement._replace(principals=named)
            for statement, named in zip(policy.statements, principals, strict=True)
        ),
    )
