"""Evaluating policies: rules one by one, and against an evaluator written as naively as can be."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.policy.documents import (
    ALICE,
    ARN,
    BOB,
    BUCKET,
    EVERYBODY,
    NOBODY,
    OBJECTS,
    OWNER_ID,
    ROOT,
    document,
    request,
    statement,
)
from z4tw.interfaces import Decision, Effect, PolicyRequest
from z4tw.model.control import Principal
from z4tw.policy.document import parse_policy
from z4tw.policy.evaluate import evaluate, resource_of, tag_keys


def judge(asked: PolicyRequest, *statements: Any, version: str = "2012-10-17") -> Decision:
    return evaluate(parse_policy(document(*statements, version=version), bucket=BUCKET), asked)


ALLOW, DENY, ABSTAIN = Effect.ALLOW, Effect.DENY, Effect.ABSTAIN


def test_deny_wins_then_allow_and_else_it_abstains() -> None:
    asked = request(key="a")
    allow, deny = statement(Sid="Yes"), statement("Deny", Sid="No")
    other = statement(resource=f"{ARN}/b")
    assert judge(asked, other).effect is ABSTAIN
    yes = Decision(ALLOW, 'statement "Yes" of the policy allows it', names_user=True)
    assert judge(asked, other, allow) == yes
    for order in ([allow, deny], [deny, allow], [deny]):
        assert judge(asked, *order) == Decision(DENY, 'statement "No" of the policy denies it')


def test_an_allow_of_the_user_itself_is_told_from_one_of_its_account() -> None:
    asked = PolicyRequest(ALICE, "s3:GetObject", BUCKET, None, "a", {})
    account = statement(Principal={"AWS": ALICE.account_number})
    itself = statement(Principal={"AWS": ALICE.arn})
    assert not judge(asked, account).names_user
    for order in ([itself], [account, itself], [itself, account]):
        assert judge(asked, *order).names_user


def test_a_statement_without_a_sid_is_named_by_its_number() -> None:
    asked = request(key="a")
    made = judge(asked, statement("Deny", resource=f"{ARN}/b"), statement("Deny"))
    assert made.reason == "statement 2 of the policy denies it"


def test_the_source_is_named_as_the_caller_says() -> None:
    policy = parse_policy(document(statement()), bucket=BUCKET)
    made = evaluate(policy, request(key="a"), source="the policy of bob")
    assert made.reason == "statement 1 of the policy of bob allows it"


@pytest.mark.parametrize(
    ("field", "values", "action", "key", "expected"),
    [
        ("Action", "s3:GetObject", "s3:GetObject", "k", True),
        ("Action", "S3:GETOBJECT", "s3:GetObject", "k", True),
        ("Action", "s3:Get*", "s3:GetObjectVersion", "k", True),
        ("Action", "s3:GetObject?*", "s3:GetObject", "k", False),
        ("Action", ["s3:PutObject", "s3:*Object"], "s3:DeleteObject", "k", True),
        ("Action", "*", "s3:AbortMultipartUpload", "k", True),
        ("NotAction", "s3:Get*", "s3:GetObject", "k", False),
        ("NotAction", "s3:Get*", "s3:PutObject", "k", True),
        ("Resource", f"{ARN}/a/*", "s3:GetObject", "a/b", True),
        ("Resource", f"{ARN}/a/*", "s3:GetObject", "A/b", False),
        ("Resource", f"{ARN}/a/*", "s3:GetObject", "a", False),
        ("Resource", f"{ARN}/*/x", "s3:GetObject", "a/b/x", True),
        ("Resource", f"{ARN}/a?c", "s3:GetObject", "a:c", True),
        ("Resource", f"{ARN}/[a]", "s3:GetObject", "a", False),
        ("Resource", [f"{ARN}/a", f"{ARN}/b"], "s3:GetObject", "b", True),
        ("Resource", "arn:aws:s3:::*", "s3:GetObject", "b", True),
        ("NotResource", f"{ARN}/a", "s3:GetObject", "a", False),
        ("NotResource", f"{ARN}/a", "s3:GetObject", "b", True),
    ],
)
def test_actions_and_resources(
    field: str, values: Any, action: str, key: str, expected: bool
) -> None:
    content = statement(**{field.removeprefix("Not").lower(): None, field: values})
    if field == "Resource":
        content = statement(resource=values)
    elif field == "Action":
        content = statement(action=values)
    assert (judge(request(action, key), content).effect is ALLOW) == expected


def test_a_bucket_is_not_its_objects() -> None:
    upon_bucket = statement(action="s3:*", resource=ARN)
    upon_objects = statement(action="s3:*")
    assert judge(request("s3:ListBucket"), upon_bucket).effect is ALLOW
    assert judge(request("s3:ListBucket"), upon_objects).effect is ABSTAIN
    assert judge(request("s3:GetObject", "k"), upon_bucket).effect is ABSTAIN


def test_not_principal_means_everybody_else() -> None:
    content = statement(
        "Deny", principal=None, NotPrincipal={"AWS": ["arn:aws:iam::111111111111:user/alice"]}
    )
    for principal in EVERYBODY:
        effect = judge(request(key="k", principal=principal), content).effect
        assert effect is (ABSTAIN if principal is ALICE else DENY)


def test_conditions_must_all_hold_and_names_of_keys_have_no_case() -> None:
    content = statement(
        Condition={
            "StringEquals": {"aws:Referer": ["x", "y"], "aws:UserAgent": "agent"},
            "IpAddress": {"AWS:SOURCEIP": "10.0.0.0/8"},
        }
    )
    keys = {"aws:referer": "y", "AWS:UserAgent": "agent", "aws:SourceIp": "10.1.1.1"}
    assert judge(request(key="k", keys=keys), content).effect is ALLOW
    for name, value in (("aws:referer", "z"), ("AWS:UserAgent", ""), ("aws:SourceIp", "11.0.0.1")):
        assert judge(request(key="k", keys={**keys, name: value}), content).effect is ABSTAIN
        lacking = {one: text for one, text in keys.items() if one != name}
        assert judge(request(key="k", keys=lacking), content).effect is ABSTAIN


def test_variables_stand_for_the_requests_keys() -> None:
    content = statement(resource=f"{ARN}/home/${{aws:username}}/*")
    keys = {"aws:username": "bob"}
    asked = request(key="home/bob/x", principal=BOB, keys=keys)
    assert judge(asked, content).effect is ALLOW
    assert judge(request(key="home/al/x", principal=BOB, keys=keys), content).effect is ABSTAIN
    assert judge(request(key="home//x"), content).effect is ABSTAIN
    assert judge(asked, content, version="2008-10-17").effect is ABSTAIN
    literal = request(key="home/${aws:username}/x", keys=keys)
    assert judge(literal, content, version="2008-10-17").effect is ALLOW
    # What a value holds is text: it must not become a wildcard.
    star = request(key="home/bob/x", keys={"aws:username": "*"})
    assert judge(star, content).effect is ABSTAIN


def test_existing_tags_are_those_of_the_version() -> None:
    content = statement(
        action="s3:*", Condition={"StringEquals": {"s3:ExistingObjectTag/Class": "public"}}
    )
    public = {"class": "public", "other": "1"}
    assert judge(request(key="k", tags=public), content).effect is ALLOW
    assert judge(request(key="k", tags={"Class": "secret"}), content).effect is ABSTAIN
    assert judge(request(key="k", tags={}), content).effect is ABSTAIN
    assert judge(request(key="k"), content).effect is ABSTAIN
    # Deleting and replacing an object do not look at its tags.
    assert judge(request("s3:DeleteObject", "k", tags=public), content).effect is ABSTAIN


def test_tags_whose_names_differ_in_case_do_not_hide_each_other() -> None:
    content = statement("Deny", Condition={"StringEquals": {"s3:ExistingObjectTag/a": "secret"}})
    for tags in ({"a": "secret", "A": "open"}, {"A": "open", "a": "secret"}):
        assert judge(request(key="k", tags=tags), content).effect is DENY
    assert tag_keys("x/", {"A": "1", "a": "2", "b": "3"}) == {"x/a": ("1", "2"), "x/b": "3"}


def test_what_a_policy_reads() -> None:
    condition = {"StringEquals": {"s3:ExistingObjectTag/a": "b"}}
    policy = parse_policy(document(statement(Condition=condition)), bucket=BUCKET)
    assert policy.reads_tags("s3:GetObject")
    assert not policy.reads_tags("s3:PutObject")
    assert not policy.reads_document("s3:GetObject")
    named = statement(resource=f"{ARN}/${{s3:ExistingObjectTag/owner}}/*")
    assert parse_policy(document(named), bucket=BUCKET).reads_tags("s3:GetObject")
    valued = statement(Condition={"StringEquals": {"aws:userid": "${s3:ExistingObjectTag/owner}"}})
    assert parse_policy(document(valued), bucket=BUCKET).reads_tags("s3:GetObject")
    asking = statement(Condition={"Null": {"s3:RequestObjectTagKeys": "true"}})
    policy = parse_policy(document(asking), bucket=BUCKET)
    assert policy.reads_document("s3:GetObject")
    assert not policy.reads_tags("s3:GetObject")


def test_the_arn_of_what_is_acted_upon() -> None:
    assert resource_of(request(key="a/b")) == f"{ARN}/a/b"
    assert resource_of(request()) == ARN
    nowhere = PolicyRequest(ROOT, "s3:ListAllMyBuckets", "", None, "", {})
    assert resource_of(nowhere) == "arn:aws:s3:::*"


def test_policies_of_identities() -> None:
    policy = parse_policy(
        document({"Effect": "Allow", "Action": "*", "Resource": "arn:aws:sts::*:role/reader"}),
        bucket=None,
    )
    asked = request("sts:AssumeRole", principal=ALICE)
    assert evaluate(policy, asked).effect is ABSTAIN
    arn = "arn:aws:sts::111111111111:role/reader"
    assert evaluate(policy, asked, resource=arn).effect is ALLOW


# Against a naive evaluator


class Naive:
    """The rules of the language read off the documentation, on the JSON itself: slow, without a
    line of the evaluator's."""

    def __init__(self, text: bytes) -> None:
        self.content = json.loads(text)

    def judge(self, asked: PolicyRequest) -> Effect:
        keys = {name.lower(): value for name, value in asked.context.items()}
        found = [one["Effect"] for one in self.content["Statement"] if self._fits(one, asked, keys)]
        if "Deny" in found:
            return DENY
        return ALLOW if "Allow" in found else ABSTAIN

    def _fits(self, one: Any, asked: PolicyRequest, keys: dict[str, Any]) -> bool:
        arn = ARN + (f"/{asked.key}" if asked.key else "")
        if "Principal" in one and not self._named(one["Principal"], asked.principal):
            return False
        if "NotPrincipal" in one and self._named(one["NotPrincipal"], asked.principal):
            return False
        action = asked.action.lower()
        if "Action" in one and not self._any([t.lower() for t in one["Action"]], action, {}):
            return False
        if "NotAction" in one and self._any([t.lower() for t in one["NotAction"]], action, {}):
            return False
        if "Resource" in one and not self._any(one["Resource"], arn, keys):
            return False
        if "NotResource" in one and self._any(one["NotResource"], arn, keys):
            return False
        return all(
            self._holds(operator, name, values, keys)
            for operator, block in one.get("Condition", {}).items()
            for name, values in block.items()
        )

    def _named(self, value: Any, principal: Principal) -> bool:
        if value == "*":
            return True
        arn = f"arn:aws:iam::{principal.account_number}:user/{principal.user_name}"
        names = {principal.account_number, arn, f"arn:aws:iam::{principal.account_number}:root"}
        return principal.access_key_id != "" and bool(names & set(value["AWS"]))

    def _any(self, patterns: list[str], text: str, keys: dict[str, Any]) -> bool:
        return any(self._glob(pattern, text, keys) for pattern in patterns)

    def _glob(self, pattern: str, text: str, keys: dict[str, Any]) -> bool:
        pieces = re.split(r"(\$\{[^}]*\}|[*?])", pattern)
        expression = ""
        for piece in pieces:
            if piece == "*":
                expression += ".*"
            elif piece == "?":
                expression += "."
            elif piece.startswith("${") and self.content["Version"] == "2012-10-17":
                if piece[2:-1].lower() not in keys:
                    return False
                expression += re.escape(keys[piece[2:-1].lower()])
            else:
                # ``${x}`` of the older version has no wildcards in it here.
                expression += re.escape(piece)
        return re.fullmatch(expression, text, re.DOTALL) is not None

    def _holds(self, operator: str, name: str, values: list[str], keys: dict[str, Any]) -> bool:
        quantifier, _, base = operator.rpartition(":")
        found = keys.get(name.lower())
        given = [] if found is None else [found] if isinstance(found, str) else list(found)
        if base == "Null":
            return (given == []) == (values == ["true"])
        if base.endswith("IfExists"):
            if not given:
                return True
            base = base.removesuffix("IfExists")
        negated = "Not" in base

        def one(value: str) -> bool:
            return any(self._meets(base.replace("Not", ""), value, v, keys) for v in values)

        if quantifier == "ForAllValues":
            return all(one(value) != negated for value in given)
        if quantifier == "ForAnyValue":
            return any(one(value) != negated for value in given)
        return any(one(value) for value in given) != negated

    def _meets(self, base: str, value: str, wanted: str, keys: dict[str, Any]) -> bool:
        if base == "StringLike":
            return self._glob(wanted, value, keys)
        if base == "StringEquals":
            return self._glob(wanted.replace("*", "\0").replace("?", "\1"),
                              value.replace("*", "\0").replace("?", "\1"), keys)  # fmt: skip
        assert base == "NumericLessThan"
        try:
            return float(value) < float(wanted)
        except ValueError:
            return False


NAMES = ("alice", "bob", "a", "")
ACTIONS = ("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:ListBucket")
some = st.lists
VALUES = st.sampled_from(["a", "b", "a*", "?", "*", "${aws:username}", "${aws:Absent}", "1", "20"])
KEYS = st.sampled_from(["aws:username", "aws:Referer", "aws:UserAgent", "AWS:USERAGENT"])


def conditions() -> Any:
    quantifier = st.sampled_from(["", "ForAllValues:", "ForAnyValue:"])
    base = st.sampled_from(["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"])
    suffix = st.sampled_from(["", "IfExists"])
    strings = st.tuples(
        st.builds("".join, st.tuples(quantifier, base, suffix)),
        st.dictionaries(KEYS, st.lists(VALUES, min_size=1, max_size=3), min_size=1, max_size=2),
    )
    numbers = st.tuples(
        st.sampled_from(["NumericLessThan", "NumericLessThanIfExists"]),
        st.dictionaries(KEYS, st.just(["10"]), min_size=1, max_size=1),
    )
    nulls = st.tuples(
        st.just("Null"),
        st.dictionaries(KEYS, st.sampled_from([["true"], ["false"]]), min_size=1, max_size=1),
    )
    return st.lists(strings | numbers | nulls, max_size=2).map(dict)


@st.composite
def statements(draw: Any) -> dict[str, Any]:
    effect = draw(st.sampled_from(["Allow", "Deny"]))
    made: dict[str, Any] = {"Effect": effect}
    who = draw(
        st.just("*")
        | st.lists(
            st.sampled_from(
                ["111111111111", "arn:aws:iam::222222222222:user/bob",
                 "arn:aws:iam::222222222222:root"]
            ),
            min_size=1,
        ).map(lambda names: {"AWS": names})
    )  # fmt: skip
    made["NotPrincipal" if effect == "Deny" and draw(st.booleans()) else "Principal"] = who
    actions = st.sampled_from(["s3:*", "*", "s3:Get*", "S3:getobject", "s3:Put?bject", "s3:*t"])
    made["NotAction" if draw(st.booleans()) else "Action"] = draw(some(actions, min_size=1))
    resources = st.sampled_from(
        [ARN, OBJECTS, f"{ARN}*", "arn:aws:s3:::*", f"{ARN}/a?", f"{ARN}/*/${{aws:username}}",
         f"{ARN}/${{aws:username}}*"]
    )  # fmt: skip
    made["NotResource" if draw(st.booleans()) else "Resource"] = [
        *draw(some(resources, max_size=2)),
        draw(st.sampled_from([f"{ARN}*", "arn:aws:s3:::*"]))
        if draw(st.booleans())
        else draw(st.sampled_from([f"{OBJECTS}", f"{ARN}*"])),
    ]
    if condition := draw(conditions()):
        made["Condition"] = condition
    return made


@st.composite
def requests(draw: Any) -> PolicyRequest:
    value = st.sampled_from(["a", "ab", "alice", "*", "5", "20", ""])
    keys = draw(
        st.dictionaries(
            st.sampled_from(["aws:UserAgent", "aws:Referer"]), value | st.tuples(value, value)
        )
    )
    if draw(st.booleans()):
        keys["aws:username"] = draw(value)
    action = draw(st.sampled_from(ACTIONS))
    key = draw(st.sampled_from(["a", "ab", "b/a", "alice", "x/alice", "*"]))
    principal = draw(st.sampled_from([ALICE, BOB, NOBODY]))
    return request(action, "" if action == "s3:ListBucket" else key, principal, keys)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(statements(), min_size=1, max_size=4),
    st.sampled_from(["2012-10-17", "2008-10-17"]),
    st.lists(requests(), min_size=1, max_size=6),
)
def test_it_agrees_with_a_naive_evaluator(
    content: list[Any], version: str, asked: list[PolicyRequest]
) -> None:
    text = document(*content, version=version)
    policy = parse_policy(text, bucket=BUCKET)
    naive = Naive(text)
    for one in asked:
        assert evaluate(policy, one).effect is naive.judge(one), one


def test_the_owner_of_the_bucket_is_in_the_first_account() -> None:
    assert ROOT.account_id == ALICE.account_id == OWNER_ID
