"""Identity policies: what a user was allowed, and what limits its keys and sessions.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_identity-vs-resource.html
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from z4tw.errors import MalformedPolicy
from z4tw.interfaces.plugins import Decision, Effect, PolicyRequest
from z4tw.model.control import PolicySet
from z4tw.policy.actions import EXISTING_TAG_ACTIONS
from z4tw.policy.document import Policy, parse_policy
from z4tw.policy.evaluate import evaluate

MAX_POLICIES = 10
"""The policies that a user or a key may have."""
MAX_POLICY_BYTES = 6 * 1024
"""The size of one of them at most."""

_NONE = Decision(Effect.ABSTAIN, "the user has no policies")


@lru_cache(maxsize=1024)
def identity_policy(document: bytes) -> Policy:
    """An identity policy that was read. Raises ``MalformedPolicy``."""
    return parse_policy(document, bucket=None)


def judge(policies: PolicySet | None, request: PolicyRequest) -> Decision:
    """What a user's policies say together: one that denies wins, then one that allows."""
    if policies is None:
        return _NONE
    allowed: Decision | None = None
    for name, document in policies.documents:
        source = f"the policy {name} of {policies.source}"
        try:
            policy = identity_policy(document)
        except MalformedPolicy:
            return Decision(Effect.DENY, f"{source} cannot be read")
        said = evaluate(policy, request, resource=request.resource or None, source=source)
        if said.effect is Effect.DENY:
            return said
        if said.effect is Effect.ALLOW and allowed is None:
            allowed = said
    return allowed or Decision(Effect.ABSTAIN, f"no policy of {policies.source} speaks of it")


def within(limit: PolicySet, request: PolicyRequest) -> Decision:
    """Whether a limit lets a request pass: allow or deny, since silence of a limit is a deny."""
    said = judge(limit, request)
    if said.effect is Effect.ABSTAIN:
        return Decision(Effect.DENY, f"no policy of {limit.source} allows it, and they are a limit")
    return said


def reads_tags(policies: PolicySet, action: str) -> bool:
    """Whether an answer about an action may depend on the object's tags."""
    return action in EXISTING_TAG_ACTIONS and any(
        one.reads_tags(action) for one in _readable(policies)
    )


def reads_document(policies: PolicySet, action: str) -> bool:
    """Whether an answer about an action may depend on what the request's document says."""
    return any(one.reads_document(action) for one in _readable(policies))


def _readable(policies: PolicySet) -> Iterator[Policy]:
    for _, document in policies.documents:
        try:
            yield identity_policy(document)
        except MalformedPolicy:
            continue  # it denies, whatever there is to be read
