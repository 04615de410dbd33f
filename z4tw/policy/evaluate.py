"""What a policy says of one request: an explicit deny, an allow, or nothing.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Mapping

from z4tw.interfaces.plugins import Decision, Effect, PolicyRequest
from z4tw.policy.actions import EXISTING_TAG_ACTIONS
from z4tw.policy.document import ARN_PREFIX, Policy, Statement
from z4tw.policy.patterns import Values

_TAG = "s3:existingobjecttag/"


def evaluate(
    policy: Policy,
    request: PolicyRequest,
    *,
    resource: str | None = None,
    source: str = "the policy",
) -> Decision:
    """Judge a request by a policy. ``resource`` is the ARN that is acted upon, by default that of
    the request's bucket and key; ``source`` names the policy in the reason."""
    keys = RequestKeys(request)
    arn = resource_of(request) if resource is None else resource
    allowing: Statement | None = None
    names_user = False
    for statement in policy.upon(request.action):
        named = statement.principals is not None and statement.principals.names_user(
            request.principal
        )
        if statement.allow and allowing is not None and (names_user or not named):
            continue
        if not _applies(statement, request, arn, keys):
            continue
        if not statement.allow:
            return Decision(Effect.DENY, f"{statement.name} of {source} denies it")
        allowing, names_user = statement, named
    if allowing is None:
        return Decision(Effect.ABSTAIN, f"no statement of {source} speaks of it")
    return Decision(Effect.ALLOW, f"{allowing.name} of {source} allows it", names_user)


def resource_of(request: PolicyRequest) -> str:
    """The ARN of a request's bucket and key; without a bucket that of all buckets."""
    if not request.bucket_name:
        return f"{ARN_PREFIX}*"
    if request.key:
        return f"{ARN_PREFIX}{request.bucket_name}/{request.key}"
    return f"{ARN_PREFIX}{request.bucket_name}"


def _applies(statement: Statement, request: PolicyRequest, arn: str, keys: RequestKeys) -> bool:
    principals = statement.principals
    if principals is not None and principals.names(request.principal) == statement.not_principals:
        return False
    if not statement.covers_resource(arn, keys):
        return False
    return all(condition.holds(keys) for condition in statement.conditions)


class RequestKeys:
    """The condition keys of a request by their names in lower case, gathered when first asked."""

    __slots__ = ("_found", "_request")

    def __init__(self, request: PolicyRequest) -> None:
        self._request = request
        self._found: dict[str, str | tuple[str, ...]] | None = None

    def __call__(self, name: str) -> Values:
        """The value or values of a key, None when the request has none."""
        if self._found is None:
            self._found = {key.lower(): value for key, value in self._request.context.items()}
            version = self._request.version
            if (
                version is not None
                and version.tags
                and self._request.action in EXISTING_TAG_ACTIONS
            ):
                self._found |= tag_keys(_TAG, version.tags)
        return self._found.get(name)


def tag_keys(prefix: str, tags: Mapping[str, str]) -> dict[str, str | tuple[str, ...]]:
    """The condition keys of tags, in lower case. Tags whose names differ in case only are one key
    with all their values, so that none hides another."""
    values: dict[str, tuple[str, ...]] = {}
    for name, value in tags.items():
        key = prefix + name.lower()
        values[key] = (*values.get(key, ()), value)
    return {key: found[0] if len(found) == 1 else found for key, found in values.items()}
