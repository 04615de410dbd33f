"""Policy documents: JSON read into statements that are ready to be evaluated.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-policy-language-overview.html
"""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import Any, NamedTuple

from z4tw.errors import MalformedPolicy
from z4tw.policy.actions import BUCKET_ACTIONS, OBJECT_ACTIONS
from z4tw.policy.conditions import Condition, parse_condition
from z4tw.policy.keys import ONLY_OF, is_condition_key
from z4tw.policy.patterns import Glob, Lookup, Pattern, Wild, reaches, tokens_of
from z4tw.policy.principals import Principals, parse_principals

MAX_BYTES = 20 * 1024
"""The size of a policy at most, without the white space between its words."""

MAX_RAW_BYTES = 64 * 1024
"""The size of a policy at most as it is sent."""

MAX_DEPTH = 32
"""How deep its brackets may stand in one another: a whole policy takes six."""

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)

ARN_PREFIX = "arn:aws:s3:::"
"""What the ARN of a bucket begins with; one of an object goes on with ``/`` and the key."""

VARIABLES_VERSION = "2012-10-17"
"""The version of the policy language that has policy variables."""

_VERSIONS = ("2008-10-17", VARIABLES_VERSION)
_POLICY_FIELDS = frozenset({"Version", "Id", "Statement"})
_STATEMENT_FIELDS = frozenset(
    {
        "Action",
        "Condition",
        "Effect",
        "NotAction",
        "NotPrincipal",
        "NotResource",
        "Principal",
        "Resource",
        "Sid",
    }
)
_EXISTING_TAGS = ("s3:existingobjecttag/",)
_DOCUMENT_KEYS = (
    "s3:locationconstraint",
    "s3:object-lock-",
    "s3:requestobjecttag/",
    "s3:requestobjecttagkeys",
)
"""What the names of condition keys begin with that a request's document may hold."""


class Statement(NamedTuple):
    """One statement. ``number`` counts from 1; ``principals`` is None in an identity policy;
    a ``not_`` field turns its list into all that is not in it."""

    number: int
    sid: str
    allow: bool
    principals: Principals | None
    not_principals: bool
    actions: tuple[Glob, ...]
    not_actions: bool
    resources: tuple[Pattern, ...]
    not_resources: bool
    conditions: tuple[Condition, ...]

    @property
    def name(self) -> str:
        """How a reason names it: by its Sid, or else by its number."""
        return f"statement {json.dumps(self.sid) if self.sid else self.number}"

    def reads(self, beginnings: tuple[str, ...]) -> bool:
        """Whether it asks for a condition key whose name, in lower case, begins so."""
        names = [one.key for one in self.conditions]
        names += [name for one in self.conditions for name in one.variables]
        names += [name for one in self.resources for name in one.variables]
        return any(name.startswith(beginnings) for name in names)

    def covers_action(self, action: str) -> bool:
        """Whether it speaks of an action, given in lower case."""
        return any(one.matches(action) for one in self.actions) != self.not_actions

    def covers_resource(self, resource: str, lookup: Lookup) -> bool:
        """Whether it speaks of a resource's ARN."""
        for one in self.resources:
            if one.matches(resource, lookup):
                return not self.not_resources
        return self.not_resources


class Policy:
    """A policy that was read: its statements, found by action."""

    __slots__ = ("_by_action", "_of_document", "_of_tags", "id", "statements", "version")

    def __init__(self, version: str, identifier: str, statements: tuple[Statement, ...]) -> None:
        self.version = version
        self.id = identifier
        self.statements = statements
        self._by_action: dict[str, tuple[Statement, ...]] = {}
        self._of_tags = any(one.reads(_EXISTING_TAGS) for one in statements)
        self._of_document = any(one.reads(_DOCUMENT_KEYS) for one in statements)

    def upon(self, action: str) -> tuple[Statement, ...]:
        """The statements that speak of an action of z4tw's own (names come from its tables, so
        that what is kept is bounded)."""
        found = self._by_action.get(action)
        if found is None:
            folded = action.lower()
            found = tuple(one for one in self.statements if one.covers_action(folded))
            self._by_action[action] = found
        return found

    def reads_tags(self, action: str) -> bool:
        """Whether its answer for an action may depend on the tags of the object."""
        return self._of_tags and any(one.reads(_EXISTING_TAGS) for one in self.upon(action))

    def reads_document(self, action: str) -> bool:
        """Whether its answer for an action may depend on what the request's document says: the
        tags that it sets, its retention, its location."""
        return self._of_document and any(one.reads(_DOCUMENT_KEYS) for one in self.upon(action))


def parse_policy(document: bytes, *, bucket: str | None) -> Policy:
    """Read a policy. ``bucket`` names the bucket whose policy it is; None: it is an identity's
    policy, which has no principals and may speak of other services. Raises ``MalformedPolicy``.
    """
    if document[:1] != b"{":
        raise MalformedPolicy("Policies must be valid JSON and the first byte must be '{'")
    content = read_json(document)
    _only(content, _POLICY_FIELDS)
    version = content.get("Version", _VERSIONS[0])
    if version not in _VERSIONS:
        raise MalformedPolicy("The policy must contain a valid version string")
    if "Statement" not in content:
        raise MalformedPolicy("Missing required field Statement")
    statements = content["Statement"]
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list):
        raise _invalid_syntax()
    if not statements:
        raise MalformedPolicy("Could not parse the policy: Statement is empty!")
    reader = _Reader(bucket, version == VARIABLES_VERSION)
    return Policy(
        version,
        _text_of(content, "Id"),
        tuple(reader.statement(number, one) for number, one in enumerate(statements, 1)),
    )


def read_json(document: bytes) -> dict[str, Any]:
    """The object that a document is. Raises ``MalformedPolicy``, also for a field that stands
    twice."""
    if len(document) > MAX_RAW_BYTES:
        raise _too_large()
    try:
        text = document.decode("utf-8")
        if _depth(text) > MAX_DEPTH:
            raise ValueError("too deep")
        content: Any = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
        # Halves of surrogate pairs, which JSON can escape, cannot be written again: ValueError.
        normalized = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    except ValueError:
        raise MalformedPolicy("This policy contains invalid Json") from None
    if len(normalized) > MAX_BYTES:
        raise _too_large()
    if not isinstance(content, dict):
        raise _invalid_syntax()
    return content


def _depth(text: str) -> int:
    # The interpreter has a limit too, which differs between its releases.
    steps = ((char in "{[") - (char in "}]") for char in _STRING.sub("", text))
    return max(accumulate(steps), default=0)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a field stands twice")
    return made


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


class _Reader:
    """Reads statements: of one bucket's policy, or of an identity's."""

    def __init__(self, bucket: str | None, variables: bool) -> None:
        self._bucket = bucket
        self._variables = variables

    def statement(self, number: int, content: Any) -> Statement:
        if not isinstance(content, dict):
            raise _invalid_syntax()
        _only(content, _STATEMENT_FIELDS)
        if "Effect" not in content:
            raise MalformedPolicy("Missing required field Effect")
        effect = content["Effect"]
        if effect not in ("Allow", "Deny"):
            raise MalformedPolicy(f"Invalid effect: {str(effect)[:64]}")
        principals, not_principals = self._principals(content, effect)
        actions, not_actions = _either(content, "Action")
        resources, not_resources = _either(content, "Resource")
        globs = tuple(self._action(text) for text in actions)
        patterns = tuple(self._resource(text) for text in resources)
        if self._bucket is not None and not (not_actions or not_resources):
            self._check_applies(globs, resources)
        conditions = self._conditions(content.get("Condition", {}))
        if self._bucket is not None and not not_actions:
            _check_conditions(globs, conditions)
        return Statement(
            number,
            _text_of(content, "Sid"),
            effect == "Allow",
            principals,
            not_principals,
            globs,
            not_actions,
            patterns,
            not_resources,
            conditions,
        )

    def _principals(self, content: dict[str, Any], effect: str) -> tuple[Principals | None, bool]:
        present = [name for name in ("Principal", "NotPrincipal") if name in content]
        if self._bucket is None:
            if present:
                raise MalformedPolicy("Policy document should not specify a principal.")
            return None, False
        if not present:
            raise MalformedPolicy("Missing required field Principal")
        if len(present) == 2:
            raise _invalid_syntax()
        if present == ["NotPrincipal"] and effect == "Allow":
            raise MalformedPolicy("Allow with NotPrincipal is not allowed.")
        return parse_principals(content[present[0]]), present == ["NotPrincipal"]

    def _action(self, text: str) -> Glob:
        folded = text.lower()
        service, colon, name = folded.partition(":")
        glob = _glob(folded)
        known = folded == "*" or (bool(colon) and bool(service) and bool(name))
        if known and self._bucket is not None:
            known = any(glob.matches(action) for action in _FOLDED_ACTIONS)
        if not known:
            raise MalformedPolicy("Policy has invalid action")
        return glob

    def _resource(self, text: str) -> Pattern:
        try:
            pattern = Pattern(text, variables=self._variables)
        except ValueError:
            raise _invalid_resource() from None
        if self._bucket is None:
            if text != "*" and not text.startswith("arn:"):
                raise MalformedPolicy('Resource must be in ARN format or "*".')
        elif not text.startswith(ARN_PREFIX) or not (
            self._upon_bucket(text) or self._upon_objects(text)
        ):
            raise _invalid_resource()
        return pattern

    def _upon_bucket(self, text: str) -> bool:
        return _glob(_loosened(text)).matches(f"{ARN_PREFIX}{self._bucket}")

    def _upon_objects(self, text: str) -> bool:
        return reaches(_loosened(text), f"{ARN_PREFIX}{self._bucket}/")

    def _check_applies(self, actions: tuple[Glob, ...], resources: list[str]) -> None:
        """Each action must be of a kind of resource that the statement names."""
        upon_bucket = any(self._upon_bucket(text) for text in resources)
        upon_objects = any(self._upon_objects(text) for text in resources)
        for glob in actions:
            of_bucket = any(glob.matches(action) for action in _FOLDED_BUCKET_ACTIONS)
            of_objects = any(glob.matches(action) for action in _FOLDED_OBJECT_ACTIONS)
            if not ((of_bucket and upon_bucket) or (of_objects and upon_objects)):
                raise MalformedPolicy("Action does not apply to any resource(s) in statement")

    def _conditions(self, content: Any) -> tuple[Condition, ...]:
        if not isinstance(content, dict):
            raise _invalid_syntax()
        conditions = []
        for operator, keys in content.items():
            if not isinstance(keys, dict) or not keys:
                raise _invalid_syntax()
            for key, given in keys.items():
                if self._bucket is not None and not is_condition_key(key):
                    raise MalformedPolicy("Policy has an invalid condition key")
                conditions.append(self._condition(operator, key, given))
        return tuple(conditions)

    def _condition(self, operator: str, key: str, given: Any) -> Condition:
        values = [_value(one) for one in (given if isinstance(given, list) else [given])]
        if not values:
            raise _invalid_syntax()
        try:
            return parse_condition(operator, key, values, self._variables)
        except LookupError:
            raise MalformedPolicy(f"Invalid Condition type : {operator[:64]}") from None
        except ValueError:
            if operator.endswith(("IpAddress", "IpAddressIfExists")):
                raise MalformedPolicy("Invalid IP address in Conditions") from None
            raise MalformedPolicy(
                f"Invalid value of the condition key {key[:128]} for {operator[:64]}"
            ) from None


def _check_conditions(actions: tuple[Glob, ...], conditions: tuple[Condition, ...]) -> None:
    """Each condition must ask for a key that a request for one of the actions can have."""
    for condition in conditions:
        having = ONLY_OF.get(condition.key)
        if having and not any(glob.matches(action) for glob in actions for action in having):
            raise MalformedPolicy(
                "Conditions do not apply to combination of actions and resources in statement"
            )


def _value(given: Any) -> str:
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, (int, float)):
        return repr(given)
    if isinstance(given, str):
        return given
    raise _invalid_syntax()


def _either(content: dict[str, Any], name: str) -> tuple[list[str], bool]:
    """The texts of a field or of its opposite, and whether it is the opposite."""
    present = [one for one in (name, f"Not{name}") if one in content]
    if not present:
        raise MalformedPolicy(f"Missing required field {name}")
    given = content[present[0]]
    texts = given if isinstance(given, list) else [given]
    if len(present) == 2 or not texts or not all(isinstance(text, str) for text in texts):
        raise _invalid_syntax()
    return texts, present[0] != name


def _glob(text: str) -> Glob:
    tokens = tokens_of(text, variables=False, wildcards=True)
    return Glob(token for token in tokens if isinstance(token, (str, Wild)))


def _loosened(text: str) -> str:
    """A resource in which each variable may be anything."""
    pieces = []
    while (start := text.find("${")) >= 0 and (end := text.find("}", start)) >= 0:
        pieces += [text[:start], "*"]
        text = text[end + 1 :]
    return "".join([*pieces, text])


def _text_of(content: dict[str, Any], name: str) -> str:
    text = content.get(name, "")
    if not isinstance(text, str):
        raise _invalid_syntax()
    return text


def _only(content: dict[str, Any], allowed: frozenset[str]) -> None:
    for name in content:
        if name not in allowed:
            raise MalformedPolicy(f"Unknown field {name[:64]}")


def _too_large() -> MalformedPolicy:
    return MalformedPolicy(
        f"Normalized policy document exceeds the maximum allowed size of {MAX_BYTES} bytes"
    )


def _invalid_syntax() -> MalformedPolicy:
    return MalformedPolicy("Invalid policy syntax.")


def _invalid_resource() -> MalformedPolicy:
    return MalformedPolicy("Policy has invalid resource")


_FOLDED_BUCKET_ACTIONS = tuple(action.lower() for action in sorted(BUCKET_ACTIONS))
_FOLDED_OBJECT_ACTIONS = tuple(action.lower() for action in sorted(OBJECT_ACTIONS))
_FOLDED_ACTIONS = (*_FOLDED_BUCKET_ACTIONS, *_FOLDED_OBJECT_ACTIONS)
